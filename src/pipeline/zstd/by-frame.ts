/**
 * Decompression for a thread that does nothing else: frames that fit into memory are decoded at once, which spares the
 * copies and the thread changes of a stream. It is as strict as `decompressZstd`, and takes over to it where a frame is
 * large or does not tell its size.
 */
import { decompressZstdFrame } from './whole.ts';
import { streamOf, type ByteStream, type ByteTransform } from '../../base/bytes/streams.ts';
import { contentBytesOf, longestHeaderBytes, maxWindowLogDefault, ZstdFrameWalk } from './frames.ts';
import { decompressZstd } from './streaming.ts';

/** The most plain bytes of a frame that is decoded at once; backups write frames of half this size. */
const atOnceBytes = 8 * 1024 ** 2;

export function decompressZstdByFrame(): ByteTransform {
  return async function* decompress(source) {
    const input = source[Symbol.asyncIterator]();
    const walk = new ZstdFrameWalk(maxWindowLogDefault);
    let frame: Uint8Array[] = [];
    try {
      for (let next = await input.next(); next.done !== true; next = await input.next()) {
        const pieces = walk.update(next.value);
        for (const [index, piece] of pieces.entries()) {
          frame.push(piece);
          if (index < pieces.length - 1 || walk.isBetweenFrames) {
            yield* decodeFrame(Buffer.concat(frame));
            frame = [];
          } else if (!isDecodedAtOnce(frame)) {
            yield* decompressZstd()(rejoined(frame, input));
            return;
          }
        }
      }
      walk.end();
    } finally {
      await input.return?.();
    }
  };
}

async function* decodeFrame(frame: Uint8Array): AsyncGenerator<Uint8Array> {
  const decoded = decompressZstdFrame(frame, atOnceBytes);
  if (decoded === undefined) yield* decompressZstd()(streamOf(frame));
  else if (decoded.length > 0) yield decoded;
}

/** True for a frame that has begun and is small, or has not told yet. */
function isDecodedAtOnce(frame: readonly Uint8Array[]): boolean {
  const head = Buffer.concat(frame.slice(0, longestHeaderBytes)).subarray(0, longestHeaderBytes);
  return head.length < longestHeaderBytes || (contentBytesOf(head) ?? Infinity) <= atOnceBytes;
}

async function* rejoined(
  frame: readonly Uint8Array[],
  input: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* frame;
  yield* { [Symbol.asyncIterator]: () => input } satisfies ByteStream;
}
