/** From a passphrase to a key, RFC 9580 §3.7.1: what a passphrase session-key packet describes. */
import { createHash } from 'node:crypto';

export interface StringToKey {
  readonly hash: string;
  /** Empty: unsalted. */
  readonly salt: Uint8Array;
  /** How many bytes of salt and passphrase are hashed; at least one round of both. */
  readonly countBytes: number;
}

/** 65,011,712 bytes hashed: the most the format can ask for, some 40 ms. */
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
  // A digest shorter than the key is continued by one that starts with one more zero byte.
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
