/** A `pg_wal` outside the restored data directory, as `initdb --waldir` makes it: a link to a directory of its own. */
import { symlink } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { WalvaultError } from '../../base/errors/errors.ts';
import { count, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { SpaceNeed } from './destination.ts';
import type { RestoreOptions } from './options.ts';
import type { RestorePlan } from './plan.ts';
import { overlaps } from './tablespaces.ts';

/**
 * @throws WalvaultError `usage` for a relative path, and for one inside or around another directory of the restore
 */
export function refuseWalDirectory(path: string, others: readonly string[]): void {
  if (!isAbsolute(path)) throw new WalvaultError('usage', `--waldir takes an absolute path, not "${path}"`);
  const other = others.find(one => overlaps(one, path));
  if (other !== undefined)
    throw new WalvaultError('usage', `pg_wal cannot go to ${path}: ${other} is in the way`);
}

/** The link is made before anything is unpacked, so that all of pg_wal is made behind it. */
export async function linkWalDirectory(dataDirectory: string, path: string): Promise<void> {
  await symlink(path, join(dataDirectory, 'pg_wal'));
}

/** The space for the WAL of a recovery, where pg_wal is. */
export function walSpace(
  {
    directory,
    walDirectory,
    prefetchBytes,
  }: Pick<RestoreOptions, 'directory' | 'walDirectory' | 'prefetchBytes'>,
  { wal, backup }: RestorePlan,
): SpaceNeed {
  const sizeBytes = walSpaceBytes(wal, { segmentSizeBytes: backup.geometry.segmentSizeBytes, prefetchBytes });
  return { directory: walDirectory ?? directory, sizeBytes };
}

/** PostgreSQL's default for `max_wal_size`: replay removes older segments at each restartpoint. */
const keptWalBytes = 1024 ** 3;

/**
 * The space that recovery needs in pg_wal: the segments that it fetches, as far as it keeps them, and those that the agent
 * has fetched ahead.
 */
export function walSpaceBytes(
  wal: readonly SegmentRange[],
  { segmentSizeBytes, prefetchBytes }: { readonly segmentSizeBytes: number; readonly prefetchBytes: number },
): number {
  const walBytes = count(...wal) * segmentSizeBytes;
  return Math.min(walBytes, keptWalBytes) + Math.min(walBytes, prefetchBytes);
}
