/**
 * zstd compression and decompression as streams (RFC 8878). Every frame has a checksum over its content: without it most
 * flipped bits would decode to wrong data without an error.
 */
import { countBounds } from '../../base/bounds.ts';
import type { TransformOptions } from 'node:stream';
import {
  constants,
  createZstdCompress,
  createZstdDecompress,
  zstdCompressSync,
  type ZstdOptions,
} from 'node:zlib';
import { copied, release, type ByteStream, type ByteTransform } from '../../base/bytes/streams.ts';
import { messageOf, systemCode, WalvaultError } from '../../base/errors/errors.ts';
import { throughStage } from '../node-stage.ts';
import { maxWindowLogDefault, ZstdFrameWalk } from './frames.ts';

/** Node's default of 16 KiB costs up to 2.4 times the processor time. */
const chunkSizeBytes = 1024 * 1024;
/** Inputs up to this size are compressed at once, in buffers of their own size: most objects besides WAL are that small. */
const smallInputBytes = 64 * 1024;

/** A transform that makes one frame of each stream; it can be used for several. `level`: 1 to 19. */
export function compressZstd({ level }: { level: number }): ByteTransform {
  const params = compressionParameters(level);
  return async function* compress(source) {
    const input = source[Symbol.asyncIterator]();
    const head = await readHead(input);
    if (head.isWhole) {
      yield compressZstdAtOnce(Buffer.concat(head.chunks), { level });
      return;
    }
    const stage = createZstdCompress(stageOptions(chunkSizeBytes, params));
    yield* throughStage(rejoin(head.chunks, input), stage);
  };
}

/**
 * One frame of data in memory. It costs less than a stream: the encoder writes directly into the result. It runs in this
 * thread, because handing the data to the thread pool would cost more than it saves.
 */
export function compressZstdAtOnce(data: Uint8Array, { level }: { level: number }): Buffer {
  return zstdCompressSync(data, {
    params: compressionParameters(level),
    chunkSize: compressBound(data.length),
  });
}

/**
 * A transform that makes one frame of each chunk, and one of all that is left when there would be more than readers take.
 * A chunk need be valid only until the next one is asked for. `level`: 1 to 19.
 */
export function compressZstdFrames({
  level,
  mostFrames = countBounds.frames.limit,
}: {
  readonly level: number;
  readonly mostFrames?: number;
}): ByteTransform {
  return async function* compress(source) {
    const input = source[Symbol.asyncIterator]();
    try {
      for (let frames = 1; frames < mostFrames; frames++) {
        const next = await input.next();
        if (next.done === true) return;
        const roomy = compressZstdAtOnce(next.value, { level });
        const frame = Buffer.from(roomy);
        // It has room for a frame that does not compress, and the garbage collector would let many of them stand.
        release(roomy);
        yield frame;
      }
      // A stream still reads a chunk when it asks for the next.
      yield* compressZstd({ level })(copied({ [Symbol.asyncIterator]: () => input }));
    } finally {
      await input.return?.();
    }
  };
}

/** The bytes with which the encoder needs no buffer of its own, as in ZSTD_compressBound (zstd.h). */
function compressBound(sizeBytes: number): number {
  const smallBytes = 128 * 1024;
  const margin = sizeBytes < smallBytes ? (smallBytes - sizeBytes) >> 11 : 0;
  return sizeBytes + (sizeBytes >> 8) + margin + frameChecksumBytes;
}

const frameChecksumBytes = 4;

function compressionParameters(level: number): Record<number, number> {
  if (!Number.isInteger(level) || level < 1 || level > 19)
    throw new WalvaultError('config', `zstd level ${level} is not between 1 and 19`);
  return { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 };
}

/**
 * Decodes one frame after another. A stream cut inside a frame, data after the last frame, flipped bits and a window
 * above 2^`maxWindowLog` bytes (27: 128 MiB) raise WalvaultError `damaged`. A stream cut exactly between two frames
 * is a valid stream: a caller that knows the length or digest of the whole must check it.
 */
export function decompressZstd(options: { maxWindowLog?: number } = {}): ByteTransform {
  const maxWindowLog = options.maxWindowLog ?? maxWindowLogDefault;
  return async function* decompress(source) {
    const input = source[Symbol.asyncIterator]();
    const head = await readHead(input);
    const chunkSize = head.isWhole ? smallInputBytes : chunkSizeBytes;
    yield* decodeStream(rejoin(head.chunks, input), { maxWindowLog, chunkSize });
  };
}

/** As `decompressZstd`. It asks for a chunk when it is done with the one before. */
export async function* decodeStream(
  source: ByteStream,
  { maxWindowLog = maxWindowLogDefault, chunkSize = chunkSizeBytes } = {},
): AsyncGenerator<Uint8Array> {
  const walk = new ZstdFrameWalk(maxWindowLog);
  const params = { [constants.ZSTD_d_windowLogMax]: maxWindowLog };
  try {
    yield* throughStage(frameByFrame(source, walk), createZstdDecompress(stageOptions(chunkSize, params)));
  } catch (error) {
    throw zstdFailure(error);
  }
}

async function* frameByFrame(source: ByteStream, walk: ZstdFrameWalk): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield* walk.update(chunk);
  walk.end();
}

/** An error of node:zlib's decoder as WalvaultError `damaged`; any other error unchanged. */
export function zstdFailure(error: unknown): unknown {
  const code = systemCode(error);
  if (code === undefined || !/^(ZSTD_error_|Z_)/.test(code)) return error;
  return new WalvaultError('damaged', `zstd data does not decode: ${messageOf(error).toLowerCase()}`, {
    cause: error,
  });
}

/**
 * The options of a zlib stream, which passes those it does not know to the Duplex. One chunk is written at a time: if
 * the end comes while the last chunk still waits, node:zlib ends the frame twice, and an empty frame may follow,
 * depending on timing. The same input must always give the same bytes (`EncryptionRun`).
 */
function stageOptions(sizeBytes: number, params: Record<number, number>): ZstdOptions & TransformOptions {
  return { chunkSize: sizeBytes, readableHighWaterMark: sizeBytes, writableHighWaterMark: 1, params };
}

interface Head {
  readonly chunks: readonly Uint8Array[];
  readonly isWhole: boolean;
}

/** Reads the input to its end, or until it is no longer small. */
async function readHead(input: AsyncIterator<Uint8Array>): Promise<Head> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  while (sizeBytes <= smallInputBytes) {
    const next = await input.next();
    if (next.done === true) return { chunks, isWhole: true };
    chunks.push(next.value);
    sizeBytes += next.value.length;
  }
  return { chunks, isWhole: false };
}

async function* rejoin(
  head: readonly Uint8Array[],
  input: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* head;
    yield* { [Symbol.asyncIterator]: () => input };
  } finally {
    await input.return?.();
  }
}
