/** Reads OpenPGP keys from files and says plainly why a key cannot be used. */
import type { Key, PrivateKey as OpenpgpPrivateKey, Subkey } from 'openpgp';
import { messageOf, WalvaultError } from '../../../base/errors/errors.ts';
import { readInTurn, type SecretSource } from '../../../base/secret.ts';
import { loadOpenpgp, type OpenpgpLibrary } from '../library.ts';
import { readPlainKeys, type PlainKey } from './plain-key.ts';
import {
  decryptionKeyOf,
  encryptionKeyOf,
  type DecryptionKey,
  type EncryptionKey,
} from '../message/session-key-wrap.ts';
import {
  ed25519SigningKey,
  rsaSigningKey,
  signingKeyOf,
  verifyingKeyOf,
  type SigningKey,
  type VerifyingKey,
} from '../sign/signing-key.ts';
import { eddsaLegacyNumber } from '../algorithms.ts';
import { ignoringDates } from '../ignoring-dates.ts';

export interface PublicKey {
  /** The fingerprint of the primary key: 40 upper-case hex digits, as gpg prints it. */
  readonly fingerprint: string;
  readonly userId: string;
  /** When the key or its encryption subkey expires; undefined: never. */
  readonly expiresAt: Date | undefined;
  /** The ids of the key and its subkeys, 16 upper-case hex digits each. */
  readonly keyIds: readonly string[];
  /** Only for keys that were read without the library. */
  readonly encryptionKey?: EncryptionKey | undefined;
  /** The library's own; loads it. */
  openKey(): Promise<Key>;
  /** The keys and subkeys whose signatures are accepted. */
  readonly verifyingKeys: readonly VerifyingKey[];
}

export interface PrivateKey {
  readonly fingerprint: string;
  readonly userId: string;
  /** The unlocked key. A function, so that no log or inspector prints it by accident. */
  reveal(): UnlockedKey;
}

export interface UnlockedKey {
  /** The ids of the keys and subkeys with a private part, as in `PublicKey`. */
  readonly keyIds: readonly string[];
  /** Only for keys that were read without the library. */
  readonly decryptionKey?: DecryptionKey | undefined;
  /** The library's own; loads it. */
  openKey(): Promise<OpenpgpPrivateKey>;
  readonly signingKey: SigningKey | undefined;
}

/**
 * Reads every public key in `data`, armored (one block or several) or binary. `source` names the file in errors.
 * @throws WalvaultError `key` if it is not OpenPGP, holds a private key, or a key of a version gpg 2.2 cannot read
 */
export async function readPublicKeys(data: Uint8Array, source: string): Promise<PublicKey[]> {
  const plain = plainKeysIn(data, key => !key.isPrivate);
  if (plain !== undefined) return plain.map(({ key, block }) => describePlainKey(key, block));
  const openpgp = await loadOpenpgp();
  const keys = await readBlocks(data, source, openpgp);
  if (keys.some(key => key.isPrivate()))
    throw new WalvaultError('key', `${source}: holds a private key where a public key is needed`, {
      hint: 'Export the public half with `gpg --export --armor` and keep the private key elsewhere.',
    });
  return await Promise.all(keys.map(key => describePublicKey(key)));
}

/**
 * Reads and unlocks every private key in `data`. The passphrases are read only for a locked key, and tried in turn.
 * @throws WalvaultError `key` if it is not OpenPGP, holds only a public key, or no passphrase fits; `config` if none
 *   fits and one of them could not be read
 */
export async function readPrivateKeys(
  data: Uint8Array,
  source: string,
  passphrases: readonly SecretSource[] = [],
): Promise<PrivateKey[]> {
  const plain = plainKeysIn(data, key => key.isPrivate);
  if (plain !== undefined) return plain.map(({ key, block }) => revealable(key, block));
  const openpgp = await loadOpenpgp();
  const keys = await readBlocks(data, source, openpgp);
  const unlocked: PrivateKey[] = [];
  for (const key of keys) {
    if (!key.isPrivate())
      throw new WalvaultError('key', `${source}: holds a public key where a private key is needed`, {
        hint: 'Export the private key with `gpg --export-secret-keys --armor`.',
      });
    const opened = await unlock(key, source, passphrases, openpgp);
    const signingKey = await findSigningKey(opened);
    unlocked.push({
      fingerprint: fingerprintOf(opened),
      userId: opened.getUserIDs()[0] ?? '',
      reveal: () => ({
        keyIds: opened
          .getKeys()
          .filter(({ keyPacket }) => !('isDummy' in keyPacket && keyPacket.isDummy()))
          .map(keyIdOf),
        openKey: async () => opened,
        signingKey,
      }),
    });
  }
  return unlocked;
}

/** The fingerprint of the first key in an armored block, 40 upper-case hex digits. */
export async function publicKeyFingerprint(armored: string): Promise<string> {
  const [key] = await readBlocks(Buffer.from(armored), 'key', await loadOpenpgp());
  return key === undefined ? '' : fingerprintOf(key);
}

export function fingerprintOf(key: Key | Subkey): string {
  return key.getFingerprint().toUpperCase();
}

interface PlainBlock {
  readonly key: PlainKey;
  readonly block: string;
}

/** The keys, if each of them can be read without the library and is of the wanted kind; otherwise undefined. */
function plainKeysIn(data: Uint8Array, isWanted: (key: PlainKey) => boolean): PlainBlock[] | undefined {
  const blocks = blocksIn(data);
  const keys = blocks === null ? undefined : readPlainKeys(blocks);
  if (keys?.every(isWanted) !== true) return undefined;
  return keys.map((key, index) => ({ key, block: blocks?.[index] ?? '' }));
}

function describePlainKey(key: PlainKey, block: string): PublicKey {
  const { primary, userId, expiresAt, encryptionSubkey, verifyingKey } = key;
  return {
    fingerprint: primary.fingerprint,
    userId,
    expiresAt,
    keyIds: keyIdsOf(key),
    encryptionKey: encryptionSubkey === undefined ? undefined : encryptionKeyOf(encryptionSubkey),
    openKey: async () => (await loadOpenpgp()).readKey({ armoredKey: block }),
    verifyingKeys: verifyingKey === undefined ? [] : [verifyingKey],
  };
}

function revealable(key: PlainKey, block: string): PrivateKey {
  const { primary, userId, encryptionSubkey, verifyingKey } = key;
  const unlocked: UnlockedKey = {
    keyIds: keyIdsOf(key),
    decryptionKey: encryptionSubkey === undefined ? undefined : decryptionKeyOf(encryptionSubkey),
    signingKey: verifyingKey === undefined ? undefined : plainSigningKey(key),
    openKey: async () => (await loadOpenpgp()).readPrivateKey({ armoredKey: block }),
  };
  return { fingerprint: primary.fingerprint, userId, reveal: () => unlocked };
}

function plainSigningKey({ primary }: PlainKey): SigningKey | undefined {
  const { fingerprint, algorithm, publicNumbers, privateNumbers } = primary;
  const numbers = { ...publicNumbers, ...privateNumbers };
  return algorithm === eddsaLegacyNumber
    ? ed25519SigningKey(fingerprint, numbers)
    : rsaSigningKey(fingerprint, numbers);
}

function keyIdsOf({ primary, encryptionSubkey }: PlainKey): string[] {
  return [primary.keyId, ...(encryptionSubkey === undefined ? [] : [encryptionSubkey.keyId])];
}

function keyIdOf(key: Key | Subkey): string {
  return key.getKeyID().toHex().toUpperCase();
}

function blocksIn(data: Uint8Array): RegExpMatchArray | null {
  return Buffer.from(data.buffer, data.byteOffset, data.length).toString('latin1').match(armoredBlock);
}

async function readBlocks(data: Uint8Array, source: string, openpgp: OpenpgpLibrary): Promise<Key[]> {
  const blocks = blocksIn(data);
  let keys: Key[];
  try {
    if (blocks === null) {
      keys = await openpgp.readKeys({ binaryKeys: data });
    } else {
      const parts = await Promise.all(blocks.map(block => openpgp.readKeys({ armoredKeys: block })));
      keys = parts.flat();
    }
  } catch (error) {
    throw new WalvaultError('key', `${source}: not an OpenPGP key`, {
      cause: error,
      hint: 'A key file is what `gpg --armor --export` or `--export-secret-keys` prints.',
    });
  }
  if (keys.length === 0) throw new WalvaultError('key', `${source}: holds no OpenPGP key`);
  const odd = keys.find(key => key.keyPacket.version !== 4);
  if (odd !== undefined)
    throw new WalvaultError(
      'key',
      `${source}: key ${fingerprintOf(odd)} is of version ${odd.keyPacket.version}`,
      { hint: 'Use a version 4 key (RSA or Curve25519), which every gpg from 2.2 on reads.' },
    );
  return keys;
}

const armoredBlock = /-----BEGIN PGP (PUBLIC|PRIVATE) KEY BLOCK-----[\s\S]*?-----END PGP \1 KEY BLOCK-----/g;

async function describePublicKey(key: Key): Promise<PublicKey> {
  const verifyingKeys: VerifyingKey[] = [];
  for (const candidate of key.getKeys()) {
    const signer = await key
      .getSigningKey(candidate.getKeyID(), ignoringDates)
      .catch(() => undefined /* not a signing key, or revoked: its signatures do not count */);
    const verifyingKey = signer === undefined ? undefined : verifyingKeyOf(signer);
    if (verifyingKey !== undefined) verifyingKeys.push(verifyingKey);
  }
  return {
    fingerprint: fingerprintOf(key),
    userId: key.getUserIDs()[0] ?? '',
    expiresAt: await expiryOf(key),
    keyIds: key.getKeys().map(keyIdOf),
    openKey: async () => key,
    verifyingKeys,
  };
}

async function expiryOf(key: Key): Promise<Date | undefined> {
  const encryptionKey = await key.getEncryptionKey(undefined, ignoringDates).catch(() => undefined);
  const times = [await key.getExpirationTime()];
  if (encryptionKey !== undefined && encryptionKey !== key)
    times.push(await encryptionKey.getExpirationTime());
  const dates = times.filter(time => time instanceof Date);
  return dates.sort((a, b) => a.getTime() - b.getTime())[0];
}

async function unlock(
  key: OpenpgpPrivateKey,
  source: string,
  passphrases: readonly SecretSource[],
  openpgp: OpenpgpLibrary,
): Promise<OpenpgpPrivateKey> {
  if (key.isDecrypted()) return key;
  const name = `${source}: private key ${fingerprintOf(key)}`;
  if (passphrases.length === 0)
    throw new WalvaultError('key', `${name} is locked by a passphrase and none is set`, {
      hint: 'Set the passphrase of the key in the configuration or the environment.',
    });
  let mismatch: unknown;
  for await (const passphrase of readInTurn(passphrases)) {
    try {
      return await openpgp.decryptKey({ privateKey: key, passphrase: passphrase.reveal() });
    } catch (error) {
      if (!/passphrase/i.test(messageOf(error)))
        throw new WalvaultError('key', `${name} cannot be unlocked: ${oneLine(error)}`, { cause: error });
      mismatch = error;
    }
  }
  throw new WalvaultError('key', `${name}: wrong passphrase`, {
    cause: mismatch,
    hint: 'Correct the passphrase of the key in the configuration or the environment, or add it to the list.',
  });
}

async function findSigningKey(key: OpenpgpPrivateKey): Promise<SigningKey | undefined> {
  const found = await key.getSigningKey(undefined, ignoringDates).catch(() => undefined);
  if (found === undefined) return undefined;
  const secret = found.keyPacket;
  if ('isDummy' in secret && secret.isDummy()) return undefined;
  return signingKeyOf(found);
}

function oneLine(error: unknown): string {
  return messageOf(error).replaceAll(/\s+/g, ' ').toLowerCase();
}
