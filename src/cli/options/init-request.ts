/** The request of `init`, made from its options. */
import { resolve } from 'node:path';
import { WalvaultError } from '../../base/errors/errors.ts';
import { parseDuration } from '../../base/units.ts';
import { defaultConfigPath, isClusterName } from '../../config/index.ts';
import { findAccount } from '../../operations/init/ownership.ts';
import { encryptionHint } from '../../operations/init/plan.ts';
import type { InitEncryption, InitRepository, InitRequest } from '../../operations/init/request.ts';
import { directoryOfUrl } from '../../stores/url.ts';
import { accessTo, checkAccess, readSecretFile, type AccessOptions } from './init-access.ts';

export interface InitOptions extends AccessOptions {
  readonly repository: readonly string[];
  readonly cluster?: string;
  readonly dataDirectory?: string;
  readonly recipient: readonly string[];
  readonly generateKeys?: string;
  readonly keyPassphraseFile?: string;
  readonly passphraseFile?: string;
  /** False with `--no-encryption`. */
  readonly encryption: boolean;
  readonly createDirectory?: boolean;
  readonly recoveryWindow?: string;
  readonly owner?: string;
  readonly existingConfig?: boolean;
  readonly json?: boolean;
}

/** @throws WalvaultError `usage` if a required option is missing */
export async function requestOf(
  options: InitOptions,
  from: { configPath: string | undefined; signal: AbortSignal },
): Promise<InitRequest> {
  const { cluster, repository, dataDirectory, owner } = options;
  if (cluster === undefined)
    throw new WalvaultError('usage', '--cluster is missing', {
      hint: 'Name the database cluster, for example --cluster orders. Servers of one replication group share the name.',
    });
  if (!isClusterName(cluster))
    throw new WalvaultError('usage', `"${cluster}" is not a cluster's name`, {
      hint: 'It has up to 63 lower-case letters, digits, hyphens, underscores and dots, begins with a letter or digit, and does not end with a dot.',
    });
  if (repository.length === 0)
    throw new WalvaultError('usage', '--repository is missing', {
      hint: 'Say where to keep the archive, for example --repository file:///mnt/archive or s3://bucket/prefix.',
    });
  const named = repository.map(nameAndUrl);
  checkAccess(
    options,
    named.map(({ url }) => url),
  );
  const repositories: InitRepository[] = [];
  for (const { name, url } of named) {
    const directory = directoryOfUrl(url);
    const access = directory === undefined ? await accessTo(url, options) : {};
    repositories.push({ name, url, directory, ...access });
  }
  return {
    cluster,
    repositories,
    configPath: resolve(from.configPath ?? defaultConfigPath),
    dataDirectory: dataDirectory === undefined ? undefined : resolve(dataDirectory),
    encryption: await encryptionOf(options),
    recoveryWindow: durationText(options.recoveryWindow),
    createDirectory: options.createDirectory === true,
    owner: owner === undefined ? undefined : await findAccount(owner, from.signal),
  };
}

/** @throws WalvaultError `usage` if it is not a duration */
function durationText(text: string | undefined): string | undefined {
  if (text !== undefined) parseDuration(text);
  return text;
}

/** Reads `URL` or `NAME=URL`. */
function nameAndUrl(text: string, index: number): { name: string; url: string } {
  const [, name = index === 0 ? 'main' : `copy-${index}`, url = text] =
    /^([a-z0-9][a-z0-9-]*)=(.*)$/s.exec(text) ?? [];
  return { name, url };
}

async function encryptionOf(options: InitOptions): Promise<InitEncryption> {
  const { recipient, generateKeys, keyPassphraseFile, passphraseFile } = options;
  if (keyPassphraseFile !== undefined && generateKeys === undefined)
    throw new WalvaultError('usage', '--key-passphrase-file needs --generate-keys', {
      hint: 'It protects the private key that --generate-keys makes.',
    });
  if (!options.encryption) return { mode: 'none' };
  if (passphraseFile !== undefined) return { mode: 'passphrase', file: resolve(passphraseFile) };
  if (recipient.length === 0 && generateKeys === undefined)
    throw new WalvaultError('usage', 'no key to encrypt to', { hint: encryptionHint });
  return {
    mode: 'openpgp',
    recipientFiles: recipient.map(file => resolve(file)),
    generateInto: generateKeys === undefined ? undefined : resolve(generateKeys),
    privateKeyPassphrase:
      keyPassphraseFile === undefined ? undefined : await readSecretFile(keyPassphraseFile),
  };
}
