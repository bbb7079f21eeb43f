/** The derivation of a key from a passphrase (RFC 9580 §3.7.1), as a passphrase session-key packet describes it. */
import { createHash } from 'node:crypto';

export interface StringToKey {
  readonly hash: string;
  /** Empty: unsalted. */
  readonly salt: Uint8Array;
  /** How many bytes of salt and passphrase are hashed; at least salt and passphrase once. */
  readonly countBytes: number;
}

/** The highest count of the format: 65,011,712 bytes are hashed, which takes some 40 ms. */
export const highestCountCode = 0xff;

export function countOfCode(code: number): number {
  return (16 + (code & 15)) * 2 ** ((code >> 4) + 6);
}

export function deriveKey(passphrase: string, parameters: StringToKey, sizeBytes: number): Buffer {
  const once = Buffer.concat([parameters.salt, Buffer.from(passphrase, 'utf8')]);
  const totalBytes = Math.max(once.length, parameters.countBytes);
  const rounds = Buffer.alloc(Math.max(once.length, roundedDown(64 * 1024, once.length)));
  for (let offset = 0; offset < rounds.length; offset += once.length) rounds.set(once, offset);
  const key: Buffer[] = [];
  let derivedBytes = 0;
  // If a digest is shorter than the key, the next digest starts with one more zero byte.
  for (let zeros = 0; derivedBytes < sizeBytes; zeros++) {
    const hash = createHash(parameters.hash).update(Buffer.alloc(zeros));
    for (let left = totalBytes; left > 0; left -= rounds.length)
      hash.update(left < rounds.length ? rounds.subarray(0, left) : rounds);
    const digest = hash.digest();
    key.push(digest);
    derivedBytes += digest.length;
  }
  return Buffer.concat(key, sizeBytes);
}

function roundedDown(value: number, step: number): number {
  return step === 0 ? 0 : value - (value % step);
}
