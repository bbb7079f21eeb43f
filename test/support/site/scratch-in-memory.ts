/**
 * Puts the scratch directories of a test file into memory, if there is room. These tests kill programs, never the machine,
 * so the effect of an fsync does not matter; those that cut the power do so to a disk of their own.
 */
import { readFileSync, statfsSync } from 'node:fs';

const path = '/dev/shm';
if (hasRoom() && isUnrestricted()) process.env['TMPDIR'] = path;

function hasRoom(): boolean {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize >= 2 * 1024 ** 3;
  } catch {
    // There is none; the disk will do.
    return false;
  }
}

/** Tests run programs there, also as other users, and make devices. */
function isUnrestricted(): boolean {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  const options = mounts.map(line => line.split(' ')).findLast(([, at]) => at === path)?.[3];
  return options !== undefined && !/\b(?:noexec|nosuid|nodev)\b/.test(options);
}
