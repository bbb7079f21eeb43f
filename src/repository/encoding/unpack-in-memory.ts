/** The decompression of a small object in one call, in memory. */
import { copied, release, streamOf, type ByteStream } from '../../base/bytes/streams.ts';
import type { Turns } from '../../base/threads/turns.ts';
import { decompressZstd } from '../../pipeline/zstd/streaming.ts';
import { decompressZstdWhole } from '../../pipeline/zstd/whole.ts';

export interface HeldWhole {
  /** The recorded size. An object of another size takes longer to decode, but is no error here. */
  readonly storedSizeBytes: number;
  readonly plainSizeBytes: number;
  /** Receives functions that the caller must call when it no longer needs the content. */
  readonly releases: (() => void)[];
  /** The turns of readers that hold a plain content in memory; calling the releases ends the turn. */
  readonly turns?: Turns | undefined;
}

/**
 * `content`: decrypted, perhaps compressed; each of its chunks may be gone when the next one is asked for. The stream that
 * comes out has the errors of `decompressZstd`.
 */
export async function* unpackInMemory(
  format: 'zstd' | 'plain',
  content: ByteStream,
  { storedSizeBytes, plainSizeBytes, releases, turns }: HeldWhole,
): AsyncGenerator<Uint8Array> {
  const decompress = format === 'zstd' ? decompressZstd() : (stream: ByteStream) => stream;
  const source = content[Symbol.asyncIterator]();
  const packed = Buffer.allocUnsafeSlow(storedSizeBytes);
  let filledBytes = 0;
  for (let next = await source.next(); next.done !== true; next = await source.next()) {
    const chunk = next.value;
    if (filledBytes + chunk.length > storedSizeBytes) {
      // The content was compressed inside the encryption, or differs from the record.
      yield* decompress(resume([packed.subarray(0, filledBytes), Buffer.from(chunk)], source));
      return;
    }
    packed.set(chunk, filledBytes);
    filledBytes += chunk.length;
  }
  const whole = packed.subarray(0, filledBytes);
  if (format === 'plain') {
    releases.push(() => release(packed));
    yield whole;
    return;
  }
  if (turns !== undefined) releases.push(await turns.take());
  const plain = decompressZstdWhole(whole, plainSizeBytes);
  if (plain === undefined) {
    yield* decompress(streamOf(whole));
    return;
  }
  release(packed);
  releases.push(() => release(plain));
  yield plain;
}

async function* resume(
  seen: readonly Uint8Array[],
  source: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* seen;
  yield* copied({ [Symbol.asyncIterator]: () => source });
}
