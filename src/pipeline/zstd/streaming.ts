/**
 * zstd frames (RFC 8878) with a checksum over their content: without it most flipped bits decode to wrong data
 * and nobody notices.
 */
import type { TransformOptions } from 'node:stream';
import {
  constants,
  createZstdCompress,
  createZstdDecompress,
  zstdCompressSync,
  type ZstdOptions,
} from 'node:zlib';
import { tap, type ByteStream, type ByteTransform } from '../../base/bytes/streams.ts';
import { messageOf, systemCode, WalvaultError } from '../../base/errors/errors.ts';
import { throughStage } from '../node-stage.ts';
import { ZstdFrameWalk } from './frames.ts';

/** Node's default of 16 KiB costs up to 2.4 times the processor time. */
const chunkSizeBytes = 1024 * 1024;
/** Inputs up to here are compressed at once, with buffers of their own size: most objects beside WAL are this small. */
const smallInputBytes = 64 * 1024;
export const maxWindowLogDefault = 27;

/** `level`: 1 to 19. Several streams may go through one transform; one input becomes one frame. */
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
 * One frame of what is in memory. Costs less than a stream: the encoder writes to where the result stays. This thread does
 * it: what the pool's would do side by side with it is less than what handing it over costs.
 */
export function compressZstdAtOnce(data: Uint8Array, { level }: { level: number }): Buffer {
  return zstdCompressSync(data, {
    params: compressionParameters(level),
    chunkSize: compressBound(data.length),
  });
}

/** ZSTD_compressBound (zstd.h): with this much room the encoder needs no buffers of its own. */
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
 * is a valid stream: whoever knows the length or digest of the whole must check it.
 */
export function decompressZstd(options: { maxWindowLog?: number } = {}): ByteTransform {
  const maxWindowLog = options.maxWindowLog ?? maxWindowLogDefault;
  return async function* decompress(source) {
    const input = source[Symbol.asyncIterator]();
    const head = await readHead(input);
    const walk = new ZstdFrameWalk(maxWindowLog);
    const chunkSize = head.isWhole ? smallInputBytes : chunkSizeBytes;
    const stage = createZstdDecompress(
      stageOptions(chunkSize, { [constants.ZSTD_d_windowLogMax]: maxWindowLog }),
    );
    const checked = tap(rejoin(head.chunks, input), chunk => walk.update(chunk));
    try {
      yield* throughStage(endChecked(checked, walk), stage);
    } catch (error) {
      throw zstdFailure(error);
    }
  };
}

async function* endChecked(source: ByteStream, walk: ZstdFrameWalk): AsyncGenerator<Uint8Array> {
  yield* source;
  walk.end();
}

/** What the decoder of node:zlib says, in our terms; anything else as it is. */
export function zstdFailure(error: unknown): unknown {
  const code = systemCode(error);
  if (code === undefined || !/^(ZSTD_error_|Z_)/.test(code)) return error;
  return new WalvaultError('damaged', `zstd data does not decode: ${messageOf(error).toLowerCase()}`, {
    cause: error,
  });
}

/**
 * zlib hands the options it does not know to the stream it is. One chunk is written at a time: when the end comes
 * while the last chunk still waits, node:zlib ends the frame twice, and whether an empty frame follows would depend on
 * timing, while the same input must always give the same bytes (`EncryptionRun`).
 */
function stageOptions(sizeBytes: number, params: Record<number, number>): ZstdOptions & TransformOptions {
  return { chunkSize: sizeBytes, readableHighWaterMark: sizeBytes, writableHighWaterMark: 1, params };
}

interface Head {
  readonly chunks: readonly Uint8Array[];
  readonly isWhole: boolean;
}

/** Reads until the input has ended or is known not to be small. */
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
