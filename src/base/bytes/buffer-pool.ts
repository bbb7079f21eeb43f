/**
 * A pool of large buffers, so that one file after the other uses the same memory. A new buffer costs a page fault for
 * each of its pages, and its memory is freed only when the garbage collector has run.
 */
import { alignedBuffer, wholeBuffer, type AllocateAligned } from './aligned-buffer.ts';

export class BufferPool {
  readonly #free: Buffer[] = [];
  readonly #allocate: AllocateAligned;

  constructor(allocate: AllocateAligned = alignedBuffer) {
    this.#allocate = allocate;
  }

  /**
   * A buffer that still holds its old content. Give it back when no view of it is in use; a buffer that is not given
   * back goes to the garbage collector.
   */
  take(sizeBytes: number): Buffer {
    const found = this.#free.findIndex(({ length }) => length >= sizeBytes);
    const [buffer] = found === -1 ? [] : this.#free.splice(found, 1);
    return (buffer ?? this.#allocate(capacityFor(sizeBytes))).subarray(0, sizeBytes);
  }

  /**
   * The memory of `buffer`, which was taken here, for other content; a new buffer where that has no room. No view of
   * `buffer` may be read any more.
   */
  takeOver(buffer: Uint8Array, sizeBytes: number): Buffer {
    const whole = wholeBuffer(buffer.buffer);
    return whole.length >= sizeBytes ? whole.subarray(0, sizeBytes) : this.take(sizeBytes);
  }

  /** Takes a buffer back: a view of it that is still in use will show another file's bytes. Small buffers are not kept. */
  give({ buffer }: Uint8Array): void {
    if (!(buffer instanceof ArrayBuffer) || buffer.byteLength < smallestKeptBytes) return;
    if (this.#free.length < maxFree) this.#free.push(wholeBuffer(buffer));
  }
}

const mebibyte = 1024 ** 2;
const maxFree = 8;
/** Well above the size of Node's own pool, whose small buffers share their memory. */
const smallestKeptBytes = mebibyte;

/**
 * A capacity that fits other files, too: a segment of 16 MiB, and its largest possible encoding. Pages that were never
 * written to take no memory.
 */
function capacityFor(sizeBytes: number): number {
  const step = 16 * mebibyte;
  return Math.max(1, Math.ceil((sizeBytes - mebibyte) / step)) * step + mebibyte;
}
