/** The keys that `init` makes and collects. A complete key of an earlier run is used again. */
import { fileBounds } from '../../base/bounds.ts';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { localIoError, systemCode, WalvaultError } from '../../base/errors/errors.ts';
import { fsyncDirectory } from '../../base/files/durable.ts';
import { writeOwnFile } from '../../base/files/own-directory.ts';
import type { Secret } from '../../base/secret.ts';
import { readWhole } from '../../base/files/read.ts';
import {
  createEncryptor,
  generateKeyPair,
  publicKeyFingerprint,
  readPrivateKeys,
  readPublicKeys,
} from '../../pipeline/openpgp/index.ts';
import type { KeyPaths } from './plan.ts';
import type { Log } from '../../observe/events/events.ts';

export interface KeyRequest {
  readonly paths: KeyPaths;
  readonly userId: string;
  readonly use: 'encrypt' | 'sign';
  readonly passphrase?: Secret | undefined;
  /** Called with the path of each file as soon as it exists. */
  readonly onWritten: (path: string) => void;
}

/**
 * Makes a key pair, or finds the existing one. The private key is written first and never replaces another: of two
 * runs at the same time one wins, and a public key missing after a crash is made again from the private key.
 * @returns the armored public key and its fingerprint; both files are durable
 * @throws WalvaultError `key` if an existing private key cannot be read
 */
export async function ensureKeyPair(
  request: KeyRequest,
  log: Log,
): Promise<{ armored: string; fingerprint: string }> {
  const { paths, userId, use, passphrase, onWritten } = request;
  if (await isThere(paths.privatePath)) {
    const armored = await publicKeyOf(request);
    const fingerprint = await publicKeyFingerprint(armored);
    log.emit({ kind: 'key-kept', path: paths.privatePath, fingerprint });
    return { armored, fingerprint };
  }
  const pair = await generateKeyPair({ userId, use, ...(passphrase && { passphrase }) });
  await makeDirectory(dirname(paths.privatePath));
  try {
    await writeOwnFile(paths.privatePath, pair.privateArmored, { mode: 0o600, as: 'create' });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    throw new WalvaultError('refused', `${paths.privatePath} was made by another run at this moment`, {
      hint: 'Let it finish, then run this again.',
    });
  }
  onWritten(paths.privatePath);
  await writeOwnFile(paths.publicPath, pair.publicArmored, { mode: 0o644 });
  onWritten(paths.publicPath);
  return { armored: pair.publicArmored, fingerprint: pair.fingerprint };
}

async function publicKeyOf({ paths, passphrase, onWritten }: KeyRequest): Promise<string> {
  const { privatePath, publicPath } = paths;
  const [key] = await readPrivateKeys(
    await readKeyFile(privatePath),
    privatePath,
    passphrase === undefined ? [] : [passphrase],
  );
  if (key === undefined) throw new WalvaultError('key', `${privatePath}: holds no private key`);
  if (await isThere(publicPath)) {
    const armored = (await readKeyFile(publicPath)).toString('latin1');
    if ((await publicKeyFingerprint(armored)) === key.fingerprint) return armored;
    throw new WalvaultError('key', `${publicPath} is not the public key of ${privatePath}`, {
      hint: 'One of them was replaced. Move the wrong one away; the public key is made again from the private one.',
    });
  }
  const armored = (await key.reveal().openKey()).toPublic().armor();
  await writeOwnFile(publicPath, armored, { mode: 0o644 });
  onWritten(publicPath);
  return armored;
}

async function readKeyFile(path: string): Promise<Buffer> {
  try {
    return await readWhole(path, fileBounds.keyFile.limitBytes);
  } catch (error) {
    throw localIoError('read', path, error);
  }
}

export interface Recipient {
  readonly fingerprint: string;
  readonly content: Uint8Array | string;
}

/**
 * Reads public keys and proves that data can be encrypted to each. An expired key can be used, and is a warning.
 * @throws WalvaultError `key`, also for a file with a private key: a private key must not be on this host
 */
export async function readRecipients(files: readonly string[], log: Log): Promise<Recipient[]> {
  const recipients: Recipient[] = [];
  for (const file of files) {
    const content = await readKeyFile(file);
    const keys = await readPublicKeys(content, file);
    const { expiring } = await createEncryptor({ recipients: keys });
    for (const { expiresAt, ...key } of expiring)
      log.emit({ kind: 'recipient-expiry', ...key, expiresAt: expiresAt.toISOString() });
    recipients.push({ content, fingerprint: keys[0]?.fingerprint ?? '' });
  }
  return recipients;
}

/** Writes copies of the recipients' keys beside the configuration, where PostgreSQL's user can read them. */
export async function writeRecipients(
  recipients: readonly Recipient[],
  directory: string,
  onWritten: (path: string) => void,
): Promise<string[]> {
  const paths: string[] = [];
  for (const { fingerprint, content } of recipients) {
    const path = join(directory, `recipient-${fingerprint.slice(-16)}.asc`);
    if (paths.includes(path)) continue;
    await writeOwnFile(path, content, { mode: 0o644 });
    onWritten(path);
    paths.push(path);
  }
  return paths;
}

/**
 * Makes a directory and its missing parents, mode 0700, durably.
 * @returns the directories that were made, outermost first
 */
export async function makeDirectory(path: string): Promise<string[]> {
  try {
    const first = await mkdir(path, { recursive: true, mode: 0o700 });
    if (first === undefined) return [];
    const made: string[] = [];
    for (let at = path; at.length >= first.length; at = dirname(at)) made.unshift(at);
    for (const directory of [dirname(first), ...made]) await fsyncDirectory(directory);
    return made;
  } catch (error) {
    throw localIoError('create directory', path, error);
  }
}

export async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw localIoError('look at', path, error);
  }
}
