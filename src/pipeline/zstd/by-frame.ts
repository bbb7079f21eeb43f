/**
 * Decompression for a thread that nobody waits for, and a reader that is done with a chunk when it asks for the next one.
 * Frames that fit into memory are decoded at once, which spares the copies and the thread changes of a stream, and all
 * memory is used again. It is as strict as `decompressZstd`, and goes on as a stream where a frame is large or does not
 * tell its size.
 */
import { freed, release, streamOf, type ByteTransform } from '../../base/bytes/streams.ts';
import { contentBytesOf, longestHeaderBytes, maxWindowLogDefault, ZstdFrameWalk } from './frames.ts';
import { decodeStream } from './streaming.ts';
import { decompressZstdFrame } from './whole.ts';

/** The most plain bytes of a frame that is decoded at once; backups write frames of half this size. */
const atOnceBytes = 8 * 1024 ** 2;

export function decompressZstdByFrame(): ByteTransform {
  return async function* decompress(source) {
    const input = source[Symbol.asyncIterator]();
    const walk = new ZstdFrameWalk(maxWindowLogDefault);
    const frame = new Gathered();
    try {
      for (let next = await input.next(); next.done !== true; next = await input.next()) {
        const pieces = walk.update(next.value);
        for (const [index, piece] of pieces.entries()) {
          const begun = frame.with(piece);
          if (index < pieces.length - 1 || walk.isBetweenFrames) {
            yield* decodeFrame(begun);
            frame.clear();
          } else if (!isDecodedAtOnce(begun)) {
            yield* freed(decodeStream(rejoined(begun, input)));
            return;
          } else frame.keep(begun);
        }
      }
      walk.end();
    } finally {
      await input.return?.();
    }
  };
}

async function* decodeFrame(frame: Buffer): AsyncGenerator<Uint8Array> {
  const decoded = decompressZstdFrame(frame, atOnceBytes);
  if (decoded === undefined) yield* freed(decodeStream(streamOf(frame)));
  else if (decoded.length > 0) {
    yield decoded;
    release(decoded);
  }
}

/** True for the beginning of a small frame, or one that does not tell yet. Empty blocks can make any frame long. */
function isDecodedAtOnce(frame: Buffer): boolean {
  if (frame.length > 2 * atOnceBytes) return false;
  return frame.length < longestHeaderBytes || (contentBytesOf(frame) ?? Infinity) <= atOnceBytes;
}

async function* rejoined(begun: Uint8Array, input: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield begun;
  yield* { [Symbol.asyncIterator]: () => input };
}

/** The beginning of a frame, in memory that each frame uses again. */
class Gathered {
  #buffer: Buffer = Buffer.alloc(0);
  #sizeBytes = 0;

  /** The beginning and what follows it: `piece` itself if there is no beginning. */
  with(piece: Uint8Array): Buffer {
    if (this.#sizeBytes === 0) return Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    this.#add(piece);
    return this.#buffer.subarray(0, this.#sizeBytes);
  }

  /** Keeps what `with` gave, whose memory may be gone when the next piece comes. */
  keep(begun: Buffer): void {
    if (this.#sizeBytes === 0) this.#add(begun);
  }

  clear(): void {
    this.#sizeBytes = 0;
  }

  #add(piece: Uint8Array): void {
    const sizeBytes = this.#sizeBytes + piece.length;
    if (sizeBytes > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(sizeBytes, 2 * this.#buffer.length));
      this.#buffer.copy(grown, 0, 0, this.#sizeBytes);
      this.#buffer = grown;
    }
    this.#buffer.set(piece, this.#sizeBytes);
    this.#sizeBytes = sizeBytes;
  }
}
