/** Ed25519 and RSA keys from OpenPGP key packets, to sign and verify digests with node:crypto. */
import {
  createPrivateKey,
  createPublicKey,
  privateEncrypt,
  publicDecrypt,
  sign,
  verify,
  constants,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import type { Key, PrivateKey, Subkey } from 'openpgp';
import { eddsaLegacyNumber, rsaNumber } from '../algorithms.ts';

/** The key that made a signature. */
interface KeyIdentity {
  /** The fingerprint of the key or subkey that signs, upper-case hex. */
  readonly fingerprint: string;
  /** The key's OpenPGP algorithm number. */
  readonly algorithm: number;
}

export interface SigningKey extends KeyIdentity {
  /** The signature's numbers, as big-endian bytes. */
  sign(digest: Uint8Array, hash: string): Buffer[];
}

export interface VerifyingKey extends KeyIdentity {
  verify(digest: Uint8Array, hash: string, numbers: readonly Uint8Array[]): boolean;
}

/** The key as a signing key. Undefined for another algorithm than Ed25519 and RSA. */
export function signingKeyOf(key: PrivateKey | Subkey): SigningKey | undefined {
  const publicParams = key.keyPacket.publicParams as PublicNumbers;
  const privateParams = (
    'privateParams' in key.keyPacket ? key.keyPacket.privateParams : {}
  ) as PrivateNumbers;
  const fingerprint = key.getFingerprint().toUpperCase();
  if (isEd25519(key)) return ed25519SigningKey(fingerprint, { ...publicParams, ...privateParams });
  return isRsa(key) ? rsaSigningKey(fingerprint, { ...publicParams, ...privateParams }) : undefined;
}

export function ed25519SigningKey(
  fingerprint: string,
  { Q, seed }: PublicNumbers & PrivateNumbers,
): SigningKey | undefined {
  if (Q === undefined || seed === undefined) return undefined;
  const jwk = { ...ed25519Jwk(Q), d: base64url(leftPadded(seed, 32)) };
  const keyObject = createPrivateKey({ key: jwk, format: 'jwk' });
  return {
    fingerprint,
    algorithm: eddsaLegacyNumber,
    sign(digest) {
      const signature = sign(null, digest, keyObject);
      return [signature.subarray(0, 32), signature.subarray(32)];
    },
  };
}

export function rsaSigningKey(fingerprint: string, numbers: PublicNumbers & PrivateNumbers): SigningKey {
  const keyObject = rsaPrivateKey(numbers);
  return {
    fingerprint,
    algorithm: rsaNumber,
    sign: (digest, hash) => [
      privateEncrypt({ key: keyObject, padding: constants.RSA_PKCS1_PADDING }, digestInfo(digest, hash)),
    ],
  };
}

/** The key as a verifying key. Undefined for another algorithm than Ed25519 and RSA. */
export function verifyingKeyOf(key: Key | Subkey): VerifyingKey | undefined {
  const publicParams = key.keyPacket.publicParams as PublicNumbers;
  const fingerprint = key.getFingerprint().toUpperCase();
  if (isEd25519(key)) return ed25519VerifyingKey(fingerprint, publicParams);
  return isRsa(key) ? rsaVerifyingKey(fingerprint, publicParams) : undefined;
}

export function ed25519VerifyingKey(fingerprint: string, { Q }: PublicNumbers): VerifyingKey | undefined {
  if (Q === undefined) return undefined;
  const keyObject = createPublicKey({ key: ed25519Jwk(Q), format: 'jwk' });
  return {
    fingerprint,
    algorithm: eddsaLegacyNumber,
    verify(digest, _hash, numbers) {
      const [r, s] = numbers;
      if (r === undefined || s === undefined || numbers.length !== 2) return false;
      if (r.length > 32 || s.length > 32) return false;
      return verify(null, digest, keyObject, Buffer.concat([leftPadded(r, 32), leftPadded(s, 32)]));
    },
  };
}

export function rsaVerifyingKey(fingerprint: string, numbers: PublicNumbers): VerifyingKey {
  const keyObject = rsaPublicKey(numbers);
  return {
    fingerprint,
    algorithm: rsaNumber,
    verify: (digest, hash, signature) => verifyRsa(keyObject, digestInfo(digest, hash), signature),
  };
}

export function rsaPublicKey(numbers: PublicNumbers): KeyObject {
  return createPublicKey({ key: rsaPublicJwk(numbers), format: 'jwk' });
}

export function rsaPrivateKey(numbers: PublicNumbers & PrivateNumbers): KeyObject {
  return createPrivateKey({ key: rsaPrivateJwk(numbers), format: 'jwk' });
}

function verifyRsa(key: KeyObject, expected: Buffer, numbers: readonly Uint8Array[]): boolean {
  const [number] = numbers;
  const modulusBytes = (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
  if (number === undefined || numbers.length !== 1 || number.length > modulusBytes) return false;
  try {
    const signature = leftPadded(number, modulusBytes);
    return publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature).equals(expected);
  } catch {
    // OpenSSL reports wrong padding when another key made the signature.
    return false;
  }
}

/** The DER prefix of a digest inside a PKCS#1 signature, RFC 8017 §9.2 note 1. */
function digestInfo(digest: Uint8Array, hash: string): Buffer {
  const suffixOfHash: Record<string, number> = { sha256: 1, sha384: 2, sha512: 3 };
  const object = Buffer.of(0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, suffixOfHash[hash] ?? 0);
  const algorithm = Buffer.concat([Buffer.of(0x30, object.length + 2), object, Buffer.of(0x05, 0)]);
  const octets = Buffer.concat([Buffer.of(0x04, digest.length), digest]);
  return Buffer.concat([Buffer.of(0x30, algorithm.length + octets.length), algorithm, octets]);
}

/** Public numbers, with openpgp's names, big-endian: Q, a point of a curve after its 0x40 octet; n and e of RSA. */
export interface PublicNumbers {
  readonly Q?: Uint8Array;
  readonly n?: Uint8Array;
  readonly e?: Uint8Array;
}

export interface PrivateNumbers {
  readonly seed?: Uint8Array;
  readonly d?: Uint8Array;
  readonly p?: Uint8Array;
  readonly q?: Uint8Array;
  readonly u?: Uint8Array;
}

function isEd25519(key: Key | Subkey): boolean {
  const { algorithm, curve } = key.getAlgorithmInfo();
  return algorithm === 'eddsaLegacy' && curve === 'ed25519Legacy';
}

function isRsa(key: Key | Subkey): boolean {
  const { algorithm } = key.getAlgorithmInfo();
  return algorithm === 'rsaEncryptSign' || algorithm === 'rsaSign';
}

/** The JWK of a point. Q has a 0x40 octet before the point (RFC 9580 §9.2.1). */
function ed25519Jwk(q: Uint8Array): JsonWebKey {
  return { kty: 'OKP', crv: 'Ed25519', x: base64url(q.subarray(1)) };
}

function rsaPublicJwk(numbers: PublicNumbers): JsonWebKey {
  return { kty: 'RSA', n: base64url(numbers.n), e: base64url(numbers.e) };
}

/** The JWK of RSA numbers. OpenPGP's u is the inverse of p modulo q, a JWK's qi that of q modulo p: p and q are swapped. */
function rsaPrivateJwk(numbers: PublicNumbers & PrivateNumbers): JsonWebKey {
  const d = toBigInt(numbers.d);
  return {
    ...rsaPublicJwk(numbers),
    d: base64url(numbers.d),
    p: base64url(numbers.q),
    q: base64url(numbers.p),
    qi: base64url(numbers.u),
    dp: base64url(fromBigInt(d % (toBigInt(numbers.q) - 1n))),
    dq: base64url(fromBigInt(d % (toBigInt(numbers.p) - 1n))),
  };
}

function toBigInt(bytes: Uint8Array = new Uint8Array(0)): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);
}

function fromBigInt(value: bigint): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

function base64url(bytes: Uint8Array = new Uint8Array(0)): string {
  return Buffer.from(bytes).toString('base64url');
}

export function leftPadded(bytes: Uint8Array, sizeBytes: number): Buffer {
  return Buffer.concat([Buffer.alloc(Math.max(0, sizeBytes - bytes.length)), bytes]);
}
