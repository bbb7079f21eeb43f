/** Small streams for the pipeline's tests. */
import { collect, type ByteTransform } from '../../src/base/bytes/streams.ts';

export const everything = 64 * 1024 * 1024;

/** The bytes in chunks of `sizeBytes`. */
export async function* inChunks(data: Uint8Array, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < data.length; offset += sizeBytes)
    yield data.subarray(offset, offset + sizeBytes);
}

/** Sends bytes through a stage and collects what comes out. */
export async function through(stage: ByteTransform, data: Uint8Array, chunkBytes = 65_536): Promise<Buffer> {
  return await collect(stage(inChunks(data, chunkBytes)), everything);
}

/** Bytes that compress about 2:1 and are the same in every run. */
export function sampleBytes(sizeBytes: number, seed = 1): Buffer {
  const data = Buffer.alloc(sizeBytes);
  let state = seed >>> 0 || 1;
  for (let index = 0; index < sizeBytes; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    data[index] = index % 2 === 0 ? state >>> 24 : 0x41;
  }
  return data;
}

/** A copy with one bit changed. */
export function withFlippedBit(data: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(data);
  copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  return copy;
}
