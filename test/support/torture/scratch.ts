import { statfsSync } from 'node:fs';

/**
 * Puts the scratch directories of this process into memory where there is room: for tests that kill programs thousands of
 * times around an fsync, and never the machine, so that it does not matter what the fsync does.
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
