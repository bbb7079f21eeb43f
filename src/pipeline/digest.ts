/** A stream stage that counts bytes and computes their SHA-256. */
import { createHash } from 'node:crypto';
import { tap, type ByteTransform } from '../base/bytes/streams.ts';

export interface Digest {
  readonly sizeBytes: number;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
}

export interface DigestStream {
  /** For one stream only. */
  readonly transform: ByteTransform;
  /** Size and digest of the stream, once it has ended. */
  result(): Digest;
}

export function digestStream(): DigestStream {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  let sha256: string | undefined;
  return {
    transform: source =>
      tap(source, chunk => {
        hash.update(chunk);
        sizeBytes += chunk.length;
      }),
    result: () => ({ sizeBytes, sha256: (sha256 ??= hash.digest('hex')) }),
  };
}
