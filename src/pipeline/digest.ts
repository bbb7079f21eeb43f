/** Counts bytes and computes their SHA-256 while they pass. */
import { createHash } from 'node:crypto';
import { tap, type ByteTransform } from '../base/bytes/streams.ts';

export interface Digest {
  readonly sizeBytes: number;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
}

export interface DigestStream {
  /** Use it for one stream only. */
  readonly transform: ByteTransform;
  /** What has passed so far; call it once, after the stream ended. */
  result(): Digest;
}

export function digestStream(): DigestStream {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  return {
    transform: source =>
      tap(source, chunk => {
        hash.update(chunk);
        sizeBytes += chunk.length;
      }),
    result: () => ({ sizeBytes, sha256: hash.digest('hex') }),
  };
}
