/**
 * Decompression of zstd data in memory in one call, as strict as `decompressZstd`. The copies, the threads and the waiting
 * of a stream take as long as the decoding itself.
 */
import { constants, zstdDecompressSync } from 'node:zlib';
import { TooLargeError } from '../../base/bytes/streams.ts';
import { systemCode, WalvaultError } from '../../base/errors/errors.ts';
import { maxWindowLogDefault, zstdFailure } from './streaming.ts';
import { ZstdFrameWalk } from './frames.ts';

/** The result with `info`, which Node's types lack: it tells how many bytes of the input zlib has used. */
type Decoded = { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };

/**
 * @throws WalvaultError `damaged` as `decompressZstd`
 * @throws TooLargeError if the content is longer than `limitBytes`
 */
export function decompressZstdWhole(data: Uint8Array, limitBytes: number): Buffer {
  const walk = new ZstdFrameWalk(maxWindowLogDefault);
  walk.update(data);
  walk.end();
  const { buffer, engine } = decode(data, limitBytes);
  if (engine.bytesWritten !== data.length)
    throw new WalvaultError('damaged', 'compressed data is followed by other data');
  return buffer;
}

function decode(data: Uint8Array, limitBytes: number): Decoded {
  const options = {
    // One byte more than expected, so that one buffer is enough.
    chunkSize: Math.max(64, limitBytes + 1),
    maxOutputLength: Math.max(1, limitBytes),
    params: { [constants.ZSTD_d_windowLogMax]: maxWindowLogDefault },
    info: true,
  };
  try {
    return zstdDecompressSync(data, options) as unknown as Decoded;
  } catch (error) {
    if (systemCode(error) === 'ERR_BUFFER_TOO_LARGE')
      throw new TooLargeError(`more than ${limitBytes} bytes`);
    throw zstdFailure(error);
  }
}
