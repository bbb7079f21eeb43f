/** Scratch directories in memory, for tests that kill many programs. */
import { statfsSync } from 'node:fs';

/**
 * Puts the scratch directories of this process into memory, if it has room. This is for tests that kill programs
 * thousands of times, but never the machine, so that the effect of an fsync does not matter.
 */
export function useMemoryForScratch(): void {
  const path = '/dev/shm';
  try {
    const { bavail, bsize } = statfsSync(path);
    if (bavail * bsize >= 2 * 1024 ** 3) process.env['TMPDIR'] = path;
  } catch {
    // There is none; the disk will do.
  }
}
