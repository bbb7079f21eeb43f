/** What is inside an object that is small enough to be held, decompressed in one call. */
import { release, streamOf, TooLargeError, type ByteStream } from '../base/bytes.ts';
import { decompressZstd } from '../pipeline/zstd.ts';
import { decompressZstdWhole } from '../pipeline/zstd-whole.ts';

export interface HeldWhole {
  /** What is expected, as it was recorded: another size costs time and is no error here. */
  readonly storedSizeBytes: number;
  readonly plainSizeBytes: number;
  /** Gets what may be released once the caller has done with the content. */
  readonly held: Uint8Array[];
}

/** `content`: decrypted, perhaps compressed. The stream that comes out has the errors of `decompressZstd`. */
export async function* unpackInMemory(
  format: 'zstd' | 'plain',
  content: ByteStream,
  { storedSizeBytes, plainSizeBytes, held }: HeldWhole,
): AsyncGenerator<Uint8Array> {
  const decompress = format === 'zstd' ? decompressZstd() : (stream: ByteStream) => stream;
  const source = content[Symbol.asyncIterator]();
  const packed = Buffer.allocUnsafeSlow(storedSizeBytes);
  let filledBytes = 0;
  for (let next = await source.next(); next.done !== true; next = await source.next()) {
    const chunk = next.value;
    if (filledBytes + chunk.length > storedSizeBytes) {
      // It was compressed inside the encryption, or is not what was recorded.
      yield* decompress(resume([packed.subarray(0, filledBytes), chunk], source));
      return;
    }
    packed.set(chunk, filledBytes);
    filledBytes += chunk.length;
  }
  const whole = packed.subarray(0, filledBytes);
  if (format === 'plain') {
    held.push(packed);
    yield whole;
    return;
  }
  const plain = decompressOrNot(whole, plainSizeBytes);
  if (plain === undefined) {
    yield* decompress(streamOf(whole));
    return;
  }
  release(packed);
  held.push(plain);
  yield plain;
}

/** Undefined: there is more in it than there should be. */
function decompressOrNot(data: Uint8Array, limitBytes: number): Buffer | undefined {
  try {
    return decompressZstdWhole(data, limitBytes);
  } catch (error) {
    if (error instanceof TooLargeError) return undefined;
    throw error;
  }
}

async function* resume(
  seen: readonly Uint8Array[],
  source: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* seen;
  yield* { [Symbol.asyncIterator]: () => source };
}
