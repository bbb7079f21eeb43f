/** The room on a file system. */
import { statfs } from 'node:fs/promises';
import { localIoError } from '../../base/errors/errors.ts';
import { startDeadline } from '../../base/time/deadline.ts';
import { orAborted } from '../../base/time/wait.ts';
import type { DiskFacts } from './facts.ts';

/** A mount whose server is gone hangs. */
const timeLimitMs = 5000;

/** @throws WalvaultError `local-io`, `unreachable` */
export async function readDisk(path: string, signal: AbortSignal): Promise<DiskFacts> {
  const deadline = startDeadline(timeLimitMs, path, signal);
  try {
    const { bavail, blocks, bsize } = await orAborted(statfs(path), deadline.signal);
    return { sizeBytes: blocks * bsize, freeBytes: bavail * bsize };
  } catch (error) {
    throw localIoError('look at the file system of', path, error);
  } finally {
    deadline.clear();
  }
}
