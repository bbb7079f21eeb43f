/**
 * Encrypts session keys to Curve25519 and RSA keys, and decrypts them, with node:crypto alone (RFC 9580 §5.1.3, §5.1.5,
 * §11.5). So a push need not load the library.
 */
import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  type KeyObject,
} from 'node:crypto';
import { aes256Number, aesKeyBytes, ecdhNumber, rsaNumber, signatureHashes } from '../algorithms.ts';
import { curve25519Oid, type KeyPacket } from '../keys/key-packets.ts';
import { parseNumbers, writeNumber } from '../multiprecision.ts';
import { leftPadded, rsaPrivateKey, rsaPublicKey } from '../sign/signing-key.ts';

export interface EncryptionKey {
  readonly keyId: string;
  /** The body of a public-key session-key packet, version 3, for an AES-256 key. */
  wrap(sessionKey: Uint8Array): Buffer;
}

export interface DecryptionKey {
  readonly keyId: string;
  /** The session key from such a packet's body. @throws Error if the packet is for another key or damaged */
  unwrap(packet: Buffer): Buffer;
}

/** The encryption key in a key packet. Undefined for a key that cannot encrypt. */
export function encryptionKeyOf(key: KeyPacket): EncryptionKey | undefined {
  const { keyId, algorithm } = key;
  const wrapSecret = algorithm === rsaNumber ? rsaWrapping(key) : ecdhWrapping(key);
  if (wrapSecret === undefined) return undefined;
  const head = Buffer.concat([Buffer.of(3), Buffer.from(keyId, 'hex'), Buffer.of(algorithm)]);
  return {
    keyId,
    wrap(sessionKey) {
      const secret = Buffer.concat([Buffer.of(aes256Number), sessionKey, checksumOf(sessionKey)]);
      return Buffer.concat([head, wrapSecret(secret)]);
    },
  };
}

/** The decryption key in a key packet. Undefined for a key without a private part, or one that cannot encrypt. */
export function decryptionKeyOf(key: KeyPacket): DecryptionKey | undefined {
  const { keyId, algorithm } = key;
  const unwrapSecret = algorithm === rsaNumber ? rsaUnwrapping(key) : ecdhUnwrapping(key);
  if (unwrapSecret === undefined) return undefined;
  return {
    keyId,
    unwrap(packet) {
      if (packet[0] !== 3 || packet[9] !== algorithm)
        throw new Error('the packet is for another kind of key');
      const secret = unwrapSecret(packet.subarray(10));
      const sessionKey = secret.subarray(1, -2);
      if (aesKeyBytes.get(secret[0] ?? 0) !== sessionKey.length) throw new Error('its cipher is not read');
      if (!checksumOf(sessionKey).equals(secret.subarray(-2))) throw new Error('its checksum is wrong');
      return sessionKey;
    },
  };
}

function checksumOf(sessionKey: Uint8Array): Buffer {
  const sum = sessionKey.reduce((total, byte) => total + byte, 0) & 0xffff;
  return Buffer.of(sum >> 8, sum & 0xff);
}

function rsaWrapping({ publicNumbers }: KeyPacket): (secret: Buffer) => Buffer {
  const key = rsaPublicKey(publicNumbers);
  return secret => writeNumber(publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, secret));
}

function rsaUnwrapping({ publicNumbers, privateNumbers }: KeyPacket) {
  if (privateNumbers === undefined) return undefined;
  const key = rsaPrivateKey({ ...publicNumbers, ...privateNumbers });
  const modulusBytes = (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
  return (rest: Buffer) => {
    const [number] = parseNumbers(rest) ?? [];
    if (number === undefined) throw new Error('its number is malformed');
    return privateDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, leftPadded(number, modulusBytes));
  };
}

function ecdhWrapping(key: KeyPacket): ((secret: Buffer) => Buffer) | undefined {
  const deriveKey = keyDerivation(key);
  const { Q } = key.publicNumbers;
  if (deriveKey === undefined || Q === undefined) return undefined;
  const recipient = x25519PublicKey(Q.subarray(1));
  return secret => {
    const ephemeral = generateKeyPairSync('x25519');
    const shared = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: recipient });
    const point = ephemeral.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
    const wrapping = deriveKey(shared);
    const cipher = createCipheriv(wrapName(wrapping), wrapping, wrapStart);
    const wrapped = Buffer.concat([cipher.update(padded(secret)), cipher.final()]);
    return Buffer.concat([
      writeNumber(Buffer.concat([pointMark, point])),
      Buffer.of(wrapped.length),
      wrapped,
    ]);
  };
}

function ecdhUnwrapping(key: KeyPacket): ((rest: Buffer) => Buffer) | undefined {
  const deriveKey = keyDerivation(key);
  const scalar = key.privateNumbers?.d;
  if (deriveKey === undefined || scalar === undefined) return undefined;
  // The number is big-endian, X25519's own form little-endian (§9.2.1).
  const secretBytes = Buffer.from(leftPadded(scalar, 32)).reverse();
  const privateKey = createPrivateKey({
    key: Buffer.concat([pkcs8Head, secretBytes]),
    format: 'der',
    type: 'pkcs8',
  });
  return rest => {
    const pointEnd = 2 + Math.ceil(rest.readUInt16BE(0) / 8);
    const point = rest.subarray(2, pointEnd);
    if (point.length !== 33 || point[0] !== 0x40) throw new Error('its point is malformed');
    const shared = diffieHellman({ privateKey, publicKey: x25519PublicKey(point.subarray(1)) });
    const wrapping = deriveKey(shared);
    const decipher = createDecipheriv(wrapName(wrapping), wrapping, wrapStart);
    return unpadded(Buffer.concat([decipher.update(rest.subarray(pointEnd + 1)), decipher.final()]));
  };
}

/** One round of the derivation of NIST SP 800-56A, bound to the recipient's fingerprint (§11.5). */
function keyDerivation({ derivation, fingerprint }: KeyPacket): ((shared: Buffer) => Buffer) | undefined {
  const hash = signatureHashes.get(derivation?.hash ?? 0);
  const sizeBytes = aesKeyBytes.get(derivation?.cipher ?? 0);
  if (derivation === undefined || hash === undefined || sizeBytes === undefined) return undefined;
  const parameters = Buffer.concat([
    Buffer.of(curve25519Oid.length),
    curve25519Oid,
    Buffer.of(ecdhNumber, 3, 1, derivation.hash, derivation.cipher),
    Buffer.from('Anonymous Sender    ', 'latin1'),
    Buffer.from(fingerprint, 'hex'),
  ]);
  return shared =>
    createHash(hash)
      .update(Buffer.of(0, 0, 0, 1))
      .update(shared)
      .update(parameters)
      .digest()
      .subarray(0, sizeBytes);
}

const pointMark = Buffer.of(0x40);
/** RFC 3394 §2.2.3.1 */
const wrapStart = Buffer.alloc(8, 0xa6);
/** The DER bytes before the 32 bytes of an X25519 key (RFC 8410 §4 and §7). */
const spkiHead = Buffer.from('302a300506032b656e032100', 'hex');
const pkcs8Head = Buffer.from('302e020100300506032b656e04220420', 'hex');

function x25519PublicKey(point: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([spkiHead, point]), format: 'der', type: 'spki' });
}

function wrapName(key: Buffer): string {
  return `id-aes${key.length * 8}-wrap`;
}

/** The secret padded to whole blocks of eight; each added byte holds the number of added bytes. */
function padded(secret: Buffer): Buffer {
  const missing = 8 - (secret.length % 8);
  return Buffer.concat([secret, Buffer.alloc(missing, missing)]);
}

function unpadded(data: Buffer): Buffer {
  const count = data.at(-1) ?? 0;
  const end = data.length - count;
  if (count === 0 || end <= 0 || !data.subarray(end).every(byte => byte === count))
    throw new Error('its padding is wrong');
  return data.subarray(0, end);
}
