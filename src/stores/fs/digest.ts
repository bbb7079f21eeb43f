/** The SHA-256 of a file, read in large chunks. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

export const chunkBytes = 1024 * 1024;

/** SHA-256 of a file, 64 hex digits, computed with one buffer. */
export async function digestOfFile(path: string, signal?: AbortSignal): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafeSlow(chunkBytes);
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}
