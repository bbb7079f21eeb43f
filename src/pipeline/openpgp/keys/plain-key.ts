/**
 * Reads plain keys with node:crypto alone. A plain key has one user id, a primary key that certifies and may sign, at most
 * one encryption subkey, and for each the one signature that makes it valid. walvault and `gpg --quick-generate-key` make
 * such keys. To load the library for them would cost a push more than to compress a segment.
 * All other keys (revoked, certified by others, renewed, locked, other algorithms) are left to the library.
 */
import { createHash } from 'node:crypto';
import { ecdhNumber, eddsaLegacyNumber } from '../algorithms.ts';
import {
  parseKeyPacket,
  readArmor,
  splitPackets,
  type KeyFilePacket,
  type KeyPacket,
} from './key-packets.ts';
import { parseSignatureBody, signatureTrailer, type ParsedSignature } from '../sign/signature-packet.ts';
import { ed25519VerifyingKey, rsaVerifyingKey, type VerifyingKey } from '../sign/signing-key.ts';

export interface PlainKey {
  readonly isPrivate: boolean;
  readonly primary: KeyPacket;
  readonly userId: string;
  /** The key that checks signatures of the primary key; undefined if the primary key does not sign. */
  readonly verifyingKey: VerifyingKey | undefined;
  readonly encryptionSubkey: KeyPacket | undefined;
  /** When the primary key or the subkey expires, the earlier of the two. */
  readonly expiresAt: Date | undefined;
}

/** The keys in the armored blocks of a file. Undefined if a block is not a plain key. */
export function readPlainKeys(blocks: readonly string[]): PlainKey[] | undefined {
  const keys: PlainKey[] = [];
  for (const block of blocks) {
    const key = readPlainKey(block);
    if (key === undefined) return undefined;
    keys.push(key);
  }
  return keys;
}

function readPlainKey(block: string): PlainKey | undefined {
  try {
    const data = readArmor(block);
    return data === undefined ? undefined : interpret(splitPackets(data) ?? []);
  } catch (error) {
    // Every read past the end of a Buffer is a RangeError.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

const tags = { signature: 2, privateKey: 5, publicKey: 6, privateSubkey: 7, userId: 13, publicSubkey: 14 };
const certifications: ReadonlySet<number> = new Set([0x10, 0x11, 0x12, 0x13]);
const subkeyBinding = 0x18;

function interpret(packets: readonly KeyFilePacket[]): PlainKey | undefined {
  const [first, userId, certification, ...rest] = packets;
  const isPrivate = first?.tag === tags.privateKey;
  if (first === undefined || (!isPrivate && first.tag !== tags.publicKey)) return undefined;
  if (userId?.tag !== tags.userId || certification?.tag !== tags.signature) return undefined;
  if (rest.length !== 0 && rest.length !== 2) return undefined;
  const primary = parseKeyPacket(first.body, isPrivate);
  const certifier = primary === undefined ? undefined : verifyingKeyOf(primary);
  if (primary === undefined || certifier === undefined) return undefined;
  const signer = { primary, certifier };
  const signedUserId = Buffer.concat([Buffer.of(0xb4, 0, 0, 0, 0), userId.body]);
  signedUserId.writeUInt32BE(userId.body.length, 1);
  const self = selfSignature(certification, signedUserId, signer);
  if (self === undefined || !certifications.has(self.type) || (self.flags & mayCertify) === 0)
    return undefined;
  const expiries = [expiryOf(primary, self)];
  let encryptionSubkey: KeyPacket | undefined;
  const [subkeyPacket, bindingPacket] = rest;
  if (subkeyPacket !== undefined && bindingPacket !== undefined) {
    if (subkeyPacket.tag !== (isPrivate ? tags.privateSubkey : tags.publicSubkey)) return undefined;
    encryptionSubkey = parseKeyPacket(subkeyPacket.body, isPrivate);
    if (encryptionSubkey === undefined || encryptionSubkey.algorithm === eddsaLegacyNumber) return undefined;
    const binding = selfSignature(bindingPacket, encryptionSubkey.signedForm, signer);
    if (binding?.type !== subkeyBinding || !isForEncryptionAlone(binding.flags)) return undefined;
    expiries.push(expiryOf(encryptionSubkey, binding));
  } else if (isForEncryption(self.flags)) return undefined;
  return {
    isPrivate,
    primary,
    userId: userId.body.toString('utf8'),
    verifyingKey: (self.flags & maySign) === 0 ? undefined : certifier,
    encryptionSubkey,
    expiresAt: expiries.filter(date => date !== undefined).sort((a, b) => a.getTime() - b.getTime())[0],
  };
}

/** Key flags, §5.2.3.29. */
const mayCertify = 0x01;
const maySign = 0x02;
const mayEncrypt = 0x0c;

function isForEncryption(flags: number): boolean {
  return (flags & mayEncrypt) !== 0;
}

/** True for a key that only encrypts. A subkey that also signs needs a back signature, which is not checked here. */
function isForEncryptionAlone(flags: number): boolean {
  return isForEncryption(flags) && (flags & (mayCertify | maySign)) === 0;
}

function verifyingKeyOf(key: KeyPacket): VerifyingKey | undefined {
  const { fingerprint, algorithm, publicNumbers } = key;
  if (algorithm === ecdhNumber) return undefined;
  return algorithm === eddsaLegacyNumber
    ? ed25519VerifyingKey(fingerprint, publicNumbers)
    : rsaVerifyingKey(fingerprint, publicNumbers);
}

interface SelfSignature {
  readonly type: number;
  readonly flags: number;
  readonly lifetimeSeconds: number;
}

/** The primary key's signature over `statement`; undefined if it is wrong or holds more than is understood here. */
function selfSignature(
  packet: KeyFilePacket,
  statement: Buffer,
  { primary, certifier }: { primary: KeyPacket; certifier: VerifyingKey },
): SelfSignature | undefined {
  if (packet.tag !== tags.signature) return undefined;
  const signature = parseSignatureBody(packet.body, understoodInKeys);
  if (signature === undefined || !isBy(primary, signature) || signature.hash === undefined) return undefined;
  const { hash, hashedPart, hashedSubpackets: subpackets, type } = signature;
  if (!subpackets.every(({ kind }) => kind === subpacketKinds.notation || understoodInKeys.has(kind)))
    return undefined;
  const digest = createHash(hash)
    .update(primary.signedForm)
    .update(statement)
    .update(signatureTrailer(hashedPart))
    .digest();
  const isGenuine =
    digest.subarray(0, 2).equals(signature.digestStart) &&
    signature.algorithm === certifier.algorithm &&
    certifier.verify(digest, hash, signature.numbers);
  const [flags, ...otherFlags] = subpackets.filter(({ kind }) => kind === subpacketKinds.keyFlags);
  if (!isGenuine || flags === undefined || otherFlags.length > 0) return undefined;
  const lifetime = subpackets.find(({ kind }) => kind === subpacketKinds.keyLifetime);
  return { type, flags: flags.data.readUInt8(), lifetimeSeconds: lifetime?.data.readUInt32BE() ?? 0 };
}

/** A notation is ignored unless it is critical; the library puts random bytes into one. */
const subpacketKinds = { keyLifetime: 9, notation: 20, keyFlags: 27 };

/**
 * Creation time, key lifetime, preferences (11, 21, 22, 30, 34, 39), key server (23), primary user id, flags, issuer. The
 * library judges a signature with an expiry of its own, a revocation key or a reason.
 */
const understoodInKeys: ReadonlySet<number> = new Set([2, 9, 11, 16, 21, 22, 23, 25, 27, 30, 33, 34, 39]);

function isBy({ fingerprint, keyId }: KeyPacket, signature: ParsedSignature): boolean {
  return (signature.issuerFingerprint ?? fingerprint) === fingerprint && signature.issuerKeyId === keyId;
}

function expiryOf({ createdSeconds }: KeyPacket, { lifetimeSeconds }: SelfSignature): Date | undefined {
  return lifetimeSeconds === 0 ? undefined : new Date((createdSeconds + lifetimeSeconds) * 1000);
}
