/**
 * Large buffers that are used again for one file after the other. A new one costs a page fault for each of its pages, and
 * its memory comes back only when the collector has run.
 */
export class BufferPool {
  readonly #free: Buffer[] = [];

  /** Its content is whatever was in it before. Give it back when nobody holds a view of it; one that is not is collected. */
  take(sizeBytes: number): Buffer {
    const found = this.#free.findIndex(({ length }) => length >= sizeBytes);
    const [buffer] = found === -1 ? [] : this.#free.splice(found, 1);
    return (buffer ?? Buffer.allocUnsafeSlow(capacityFor(sizeBytes))).subarray(0, sizeBytes);
  }

  /** Whoever still reads a view of it reads another file's bytes soon. Small ones are not worth keeping. */
  give({ buffer }: Uint8Array): void {
    if (!(buffer instanceof ArrayBuffer) || buffer.byteLength < smallestKeptBytes) return;
    if (this.#free.length < maxFree) this.#free.push(Buffer.from(buffer));
  }
}

const mebibyte = 1024 ** 2;
const maxFree = 8;
/** Well above Node's pool for small buffers, which have their memory in common. */
const smallestKeptBytes = mebibyte;

/**
 * So that a buffer fits other files, too: a segment of 16 MiB and what it becomes at worst. Pages that nobody has written
 * to take no memory.
 */
function capacityFor(sizeBytes: number): number {
  const step = 16 * mebibyte;
  return Math.max(1, Math.ceil((sizeBytes - mebibyte) / step)) * step + mebibyte;
}
