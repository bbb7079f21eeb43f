/**
 * The buffer in which a part's tar is made, one zstd frame at a time. Files are read into it, and their pages are checked
 * in it.
 */
import { PageBuffer } from '../../../postgres/cluster/page-buffer.ts';

/**
 * Frames of this size compress as well as a whole part: the window of zstd's low levels is smaller. A one-shot frame takes
 * as much memory again.
 */
export const frameBytes = 4 * 1024 ** 2;

export class TarBuffer {
  readonly #pages: PageBuffer;
  #filledBytes = 0;

  constructor(pages = new PageBuffer(frameBytes)) {
    this.#pages = pages;
  }

  /** Adds a header or padding; yields what is in the buffer when there is no room. */
  *put(bytes: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length;) {
      const room = this.room(bytes.length - at);
      if (room.length === 0) {
        yield* this.rest();
        continue;
      }
      room.set(bytes.subarray(at, at + room.length));
      this.advance(room.length);
      at += room.length;
    }
  }

  /** The place of the next bytes, at most `sizeBytes` of them; empty when the buffer is full. */
  room(sizeBytes: number): Uint8Array {
    return this.#pages.bytes.subarray(this.#filledBytes, this.#filledBytes + sizeBytes);
  }

  /** The place that `room` gave, for the check of its pages. */
  place(sizeBytes: number): { readonly buffer: PageBuffer; readonly start: number; readonly end: number } {
    return { buffer: this.#pages, start: this.#filledBytes, end: this.#filledBytes + sizeBytes };
  }

  /** Takes the first bytes of the room for filled. */
  advance(sizeBytes: number): void {
    this.#filledBytes += sizeBytes;
  }

  /** Forgets what is in the buffer. */
  clear(): void {
    this.#filledBytes = 0;
  }

  /** Yields what is in the buffer, which is empty afterwards. */
  *rest(): Generator<Uint8Array> {
    const filled = this.#pages.bytes.subarray(0, this.#filledBytes);
    this.#filledBytes = 0;
    if (filled.length > 0) yield filled;
  }
}
