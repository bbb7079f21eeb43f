/** The packets before the encrypted data that hold its session key: for public keys, or for a passphrase. */
import { createDecipheriv } from 'node:crypto';
import { WalvaultError } from '../../../base/errors/errors.ts';
import {
  aes256Number,
  aesKeyBytes,
  ecdhNumber,
  passphraseHashes,
  rsaEncryptionNumbers,
  sha256Number,
} from '../algorithms.ts';
import { damaged } from '../damaged.ts';
import { ignoringDates } from '../ignoring-dates.ts';
import type { SessionKey } from './integrity-protected.ts';
import type { PrivateKey, PublicKey } from '../keys/keys.ts';
import { loadOpenpgp } from '../library.ts';
import { bitLength } from '../multiprecision.ts';
import { tags, writePacket } from './packet-header.ts';
import { countOfCode, highestCountCode, type StringToKey } from '../keys/string-to-key.ts';

/** The public keys with the names of recipients. Called only for an error message; must not throw. */
export type KnownKeys = () => Promise<readonly PublicKey[]>;

const noKnownKeys: KnownKeys = () => Promise.resolve([]);

/** One public-key session-key packet for each recipient. */
export async function encryptSessionKey(
  sessionKey: Uint8Array,
  recipients: readonly PublicKey[],
): Promise<Uint8Array> {
  const packets = recipients.map(async recipient =>
    recipient.encryptionKey === undefined
      ? await packetByLibrary(sessionKey, recipient)
      : writePacket(tags.publicKeySessionKey, recipient.encryptionKey.wrap(sessionKey)),
  );
  return Buffer.concat(await Promise.all(packets));
}

async function packetByLibrary(sessionKey: Uint8Array, recipient: PublicKey): Promise<Uint8Array> {
  const openpgp = await loadOpenpgp();
  return await openpgp.encryptSessionKey({
    data: sessionKey,
    algorithm: 'aes256',
    encryptionKeys: [await recipient.openKey()],
    format: 'binary',
    // openpgp passes this to the key's own checks, which accept null (see ignoring-dates.ts).
    date: ignoringDates as unknown as Date,
  });
}

/**
 * Opens the public-key packets with the private key that fits.
 * @throws WalvaultError `key` with the key ids if no key fits; `damaged` if a key fits but cannot open its packet
 */
export async function decryptSessionKey(
  packets: readonly Buffer[],
  privateKeys: readonly PrivateKey[],
  { what, knownKeys = noKnownKeys }: { what: string; knownKeys?: KnownKeys | undefined },
): Promise<SessionKey> {
  if (!packets.every(packet => isCanonical(packet)))
    throw damaged(what, 'has a malformed session-key packet');
  const wanted = packets.map(packet => keyIdOf(packet));
  const ownIds = privateKeys.flatMap(privateKey => privateKey.reveal().keyIds);
  const fitting = packets.filter((_, index) => isFor(wanted[index] ?? '', ownIds));
  if (fitting.length === 0) throw noPrivateKey(wanted, what, { knownKeys: await knownKeys() });
  try {
    const data = openDirectly(fitting, privateKeys) ?? (await openByLibrary(fitting, privateKeys));
    return { data, isFromPassphrase: false };
  } catch (error) {
    if (wanted.every(id => id === anonymousKeyId)) throw noPrivateKey(wanted, what, { cause: error });
    throw new WalvaultError('damaged', `${what}: its session key for ${wanted.join(', ')} does not open`, {
      cause: error,
    });
  }
}

/** The session key, opened without the library. Undefined if the library is needed. Throws the errors of `unwrap`. */
function openDirectly(packets: readonly Buffer[], privateKeys: readonly PrivateKey[]): Buffer | undefined {
  for (const packet of packets) {
    for (const privateKey of privateKeys) {
      const { decryptionKey } = privateKey.reveal();
      if (decryptionKey?.keyId === keyIdOf(packet)) return decryptionKey.unwrap(packet);
    }
  }
  return undefined;
}

async function openByLibrary(
  packets: readonly Buffer[],
  privateKeys: readonly PrivateKey[],
): Promise<Uint8Array> {
  const openpgp = await loadOpenpgp();
  // openpgp requires a whole message, but never reads the encrypted packet after the keys.
  const message = await openpgp.readMessage({
    binaryMessage: Buffer.concat([
      ...packets.map(packet => writePacket(tags.publicKeySessionKey, packet)),
      writePacket(tags.integrityProtected, Buffer.alloc(64, 1)),
    ]),
  });
  const decryptionKeys = await Promise.all(privateKeys.map(privateKey => privateKey.reveal().openKey()));
  const [found] = await openpgp.decryptSessionKeys({ message, decryptionKeys });
  const isAes = found?.algorithm?.startsWith('aes') === true;
  if (found === undefined || !isAes) throw new Error(`cipher ${found?.algorithm} is not read`);
  return found.data;
}

const anonymousKeyId = '0000000000000000';

function isFor(keyId: string, ownIds: readonly string[]): boolean {
  return ownIds.includes(keyId) || (keyId === anonymousKeyId && ownIds.length > 0);
}

function noPrivateKey(
  keyIds: readonly string[],
  what: string,
  { knownKeys = [], cause }: { knownKeys?: readonly PublicKey[]; cause?: unknown },
): WalvaultError {
  return new WalvaultError(
    'key',
    `${what}: no private key for it; it is encrypted to ${keyIds.map(id => nameOf(id, knownKeys)).join(', ')}`,
    {
      cause,
      hint: 'Name the file of such a private key in encryption.private-keys, or WALVAULT_ENCRYPTION_PRIVATE_KEYS.',
    },
  );
}

/** The owner and the fingerprint of the whole key, which people know; a packet names only a subkey. */
function nameOf(keyId: string, knownKeys: readonly PublicKey[]): string {
  const known = knownKeys.find(({ keyIds }) => keyIds.includes(keyId));
  return known === undefined ? `key ${keyId}` : `${known.fingerprint} (${known.userId})`;
}

/** The key id of a version 3 packet, after the version octet (RFC 9580 §5.1.1). */
function keyIdOf(packet: Uint8Array): string {
  return Buffer.from(packet.subarray(1, 9)).toString('hex').toUpperCase();
}

/**
 * True if the numbers have their announced bit counts and no bytes follow them. openpgp does not check this: a bit
 * flipped there would change nothing, but every change of a stored object must be noticed.
 */
function isCanonical(packet: Buffer): boolean {
  if (packet.length < 12) return false;
  const algorithm = packet.readUInt8(9);
  const isElliptic = algorithm === ecdhNumber;
  if (!isElliptic && !rsaEncryptionNumbers.has(algorithm)) return true;
  const bits = packet.readUInt16BE(10);
  const numberEnd = 12 + Math.ceil(bits / 8);
  const number = packet.subarray(12, numberEnd);
  if (bitLength(number) !== bits) return false;
  // The highest bit of a Curve25519 point, behind its 0x40, is ignored (RFC 7748 §5) and never set.
  if (isElliptic && number.length === 33 && number[0] === 0x40 && (number[32] ?? 0) > 0x7f) return false;
  const end = isElliptic ? numberEnd + 1 + (packet[numberEnd] ?? 0) : numberEnd;
  return end === packet.length;
}

/** A version 4 packet without an encrypted key: the key derived from the passphrase is the session key. */
export function passphrasePacket(salt: Uint8Array): { packet: Buffer; parameters: StringToKey } {
  const body = Buffer.concat([
    Buffer.of(4, aes256Number, 3, sha256Number),
    salt,
    Buffer.of(highestCountCode),
  ]);
  return {
    packet: writePacket(tags.passphraseSessionKey, body),
    parameters: { hash: 'sha256', salt, countBytes: countOfCode(highestCountCode) },
  };
}

/**
 * The session key of one passphrase packet, or undefined if the passphrase is certainly wrong.
 * @throws WalvaultError `damaged` for a packet that gpg 2.2 would not make
 */
export function openPassphrasePacket(
  packet: Buffer,
  derive: (parameters: StringToKey, sizeBytes: number) => Uint8Array,
  what: string,
): SessionKey | undefined {
  const [version, cipher = 0, mode, hashNumber = 0] = packet;
  const keyBytes = aesKeyBytes.get(cipher);
  const hash = passphraseHashes.get(hashNumber);
  const parameterBytes = [2, 10, undefined, 11][mode ?? 2];
  if (version !== 4 || keyBytes === undefined || hash === undefined || parameterBytes === undefined)
    throw damaged(what, 'has a passphrase packet of a kind that is not read');
  const encryptedKey = packet.subarray(2 + parameterBytes);
  if (packet.length < 2 + parameterBytes) throw damaged(what, 'has a passphrase packet that ends early');
  const countBytes = mode === 3 ? countOfCode(packet.readUInt8(12)) : 0;
  const derived = derive({ hash, salt: packet.subarray(4, mode === 0 ? 4 : 12), countBytes }, keyBytes);
  if (encryptedKey.length === 0) return { data: derived, isFromPassphrase: true };
  const decipher = createDecipheriv(`aes-${keyBytes * 8}-cfb`, derived, Buffer.alloc(16));
  const [innerCipher = 0, ...data] = decipher.update(encryptedKey);
  if (aesKeyBytes.get(innerCipher) !== data.length) return undefined;
  return { data: Buffer.from(data), isFromPassphrase: true };
}
