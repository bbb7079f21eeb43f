/** The SHA-256 of a file, read in large chunks. */
import { createHash } from 'node:crypto';
import { alignedBuffer } from '../../base/bytes/aligned-buffer.ts';
import type { OpenFile } from '../../base/files/calls.ts';

export const chunkBytes = 1024 * 1024;

/** SHA-256 of a whole file, 64 hex digits, computed with one buffer. */
export async function digestOfFile(handle: OpenFile, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const buffer = alignedBuffer(chunkBytes);
  for (let offset = 0; ;) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, bytesRead));
    offset += bytesRead;
  }
}
