/** Byte streams in chunks. A stream is an `AsyncIterable<Uint8Array>`: the consumer pulls, so memory is bounded. */
export type ByteStream = AsyncIterable<Uint8Array>;

/** A stage of the pipeline: takes bytes, gives bytes. */
export type ByteTransform = (source: ByteStream) => ByteStream;

export async function* streamOf(...chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

export class TooLargeError extends Error {
  override readonly name = 'TooLargeError';
}

/**
 * Collects a whole stream in memory. `limitBytes` is not optional: every caller states how much memory it may take.
 * @throws TooLargeError for a longer stream
 */
export async function collect(source: ByteStream, limitBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of source) {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) throw new TooLargeError(`more than ${limitBytes} bytes`);
    chunks.push(chunk);
  }
  return chunks.length === 1 && Buffer.isBuffer(chunks[0]) ? chunks[0] : Buffer.concat(chunks, sizeBytes);
}

export function totalLength(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((total, piece) => total + piece.length, 0);
}

/**
 * Frees the memory of a buffer at once, without waiting for the garbage collector. No view of it may be in use: it would
 * be empty. Parts of Node's own pool share their memory and are left alone.
 */
export function release({ buffer, byteLength }: Uint8Array): void {
  if (!(buffer instanceof ArrayBuffer) || buffer.detached) return;
  if (byteLength === buffer.byteLength || buffer.byteLength > largestPoolBytes)
    buffer.transferToFixedLength(0);
}

const largestPoolBytes = 1024 * 1024;

/** A stream whose chunks stay valid, of one whose chunks are valid only until the next one is asked for. */
export async function* copied(source: ByteStream): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield Buffer.from(chunk);
}

/**
 * The same chunks, each freed when the next one is asked for: for a source whose chunks are nobody else's, and readers that
 * keep none. New memory costs the kernel a fault for each page, which takes longer than decryption.
 */
export async function* freed(source: ByteStream): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    yield chunk;
    release(chunk);
  }
}

/** Passes bytes through and shows each chunk to `observe` (a hash, a counter). */
export async function* tap(
  source: ByteStream,
  observe: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    observe(chunk);
    yield chunk;
  }
}
