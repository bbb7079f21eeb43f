/** Helpers over chunked byte streams. A stream here is an `AsyncIterable<Uint8Array>`: it pulls, so it bounds itself. */
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
 * Collects a whole stream. `limitBytes` is not optional: whoever holds a stream in memory states how much that may be.
 * @throws TooLargeError past the limit
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
