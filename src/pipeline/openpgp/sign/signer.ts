/** The key with which this host signs. */
import type { Hash } from 'node:crypto';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { signatureHashes, sha256Number } from '../algorithms.ts';
import type { PrivateKey } from '../keys/keys.ts';
import { tags, writePacket } from '../message/packet-header.ts';
import {
  signatureTrailer,
  writeHashedPart,
  writeSignatureBody,
  binarySignature,
} from './signature-packet.ts';

export interface Signer {
  /** The fingerprint of the primary key, as in `PublicKey`. */
  readonly fingerprint: string;
  /** The packet before signed data, so that a reader can hash while it reads (RFC 9580 §5.4). */
  onePassPacket(): Buffer;
  /** The signature packet over the data that `hash` (SHA-256) has seen. The same input gives the same bytes. */
  signaturePacket(hash: Hash, statement: { objectKey: string; timeSeconds: number }): Buffer;
}

/** @throws WalvaultError `key` if the key cannot sign with Ed25519 or RSA */
export function createSigner(key: PrivateKey): Signer {
  const { signingKey } = key.reveal();
  if (signingKey === undefined)
    throw new WalvaultError('key', `key ${key.fingerprint} (${key.userId}) cannot sign`, {
      hint: 'Use a key with an Ed25519 or RSA signing key whose private part is in the file.',
    });
  const { fingerprint: issuerFingerprint, algorithm } = signingKey;
  const hashName = signatureHashes.get(sha256Number) ?? 'sha256';
  return {
    fingerprint: key.fingerprint,
    onePassPacket() {
      const keyId = Buffer.from(issuerFingerprint, 'hex').subarray(-8);
      const head = Buffer.of(3, binarySignature, sha256Number, algorithm);
      return writePacket(tags.onePassSignature, Buffer.concat([head, keyId, Buffer.of(1)]));
    },
    signaturePacket(hash, statement) {
      const hashedPart = writeHashedPart({ ...statement, issuerFingerprint, algorithm });
      const digest = hash.update(signatureTrailer(hashedPart)).digest();
      const numbers = signingKey.sign(digest, hashName);
      return writePacket(tags.signature, writeSignatureBody(hashedPart, digest, numbers));
    },
  };
}
