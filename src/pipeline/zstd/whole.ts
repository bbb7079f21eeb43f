/**
 * Decompression of zstd data in memory in one call, as strict as `decompressZstd`. The copies, the threads and the waiting
 * of a stream take as long as the decoding itself.
 */
import { constants, zstdDecompressSync } from 'node:zlib';
import { systemCode, WalvaultError } from '../../base/errors/errors.ts';
import {
  contentBytesOf,
  isSkippable,
  longestHeaderBytes,
  maxWindowLogDefault,
  ZstdFrameWalk,
} from './frames.ts';
import { zstdFailure } from './streaming.ts';

/** The result with `info`, which Node's types lack: it tells how many bytes of the input zlib has used. */
type Decoded = { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };

/**
 * Undefined if the content is longer than `limitBytes`, or in several frames: then only the stream decodes it.
 * @throws WalvaultError `damaged` as `decompressZstd`
 */
export function decompressZstdWhole(data: Uint8Array, limitBytes: number): Buffer | undefined {
  const walk = new ZstdFrameWalk(maxWindowLogDefault);
  const frames = walk.update(data);
  walk.end();
  return frames.length === 1 ? decode(data, limitBytes) : undefined;
}

/**
 * One frame that a walk has found whole. Empty for a skippable one; undefined if its content is longer than `limitBytes`.
 * @throws WalvaultError `damaged`
 */
export function decompressZstdFrame(frame: Uint8Array, limitBytes: number): Uint8Array | undefined {
  const head = Buffer.from(frame.buffer, frame.byteOffset, Math.min(frame.length, longestHeaderBytes));
  if (isSkippable(head)) return head.subarray(0, 0);
  const contentBytes = contentBytesOf(head) ?? limitBytes;
  return contentBytes > limitBytes ? undefined : decode(frame, contentBytes);
}

/** @throws WalvaultError `damaged`, also for bytes behind the frame */
function decode(data: Uint8Array, limitBytes: number): Buffer | undefined {
  const options = {
    // One byte more than expected, so that one buffer is enough.
    chunkSize: Math.max(64, limitBytes + 1),
    maxOutputLength: Math.max(1, limitBytes),
    params: { [constants.ZSTD_d_windowLogMax]: maxWindowLogDefault },
    info: true,
  };
  try {
    const { buffer, engine } = zstdDecompressSync(data, options) as unknown as Decoded;
    if (engine.bytesWritten !== data.length)
      throw new WalvaultError('damaged', 'compressed data is followed by other data');
    return buffer;
  } catch (error) {
    if (systemCode(error) === 'ERR_BUFFER_TOO_LARGE') return undefined;
    throw zstdFailure(error);
  }
}
