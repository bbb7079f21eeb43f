/** Maps paths to files of this server's `pg_wal`. */
import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../../base/errors/errors.ts';

/**
 * One path for each file: PostgreSQL names files below the data directory, where `pg_wal` may be a symbolic link.
 * @param walDirectory without symbolic links
 */
export function locate(walDirectory: string, path: string): string {
  const directory = dirname(path);
  if (directory === walDirectory) return path;
  try {
    if (realpathSync.native(directory) !== walDirectory) return path;
  } catch (error) {
    // The push itself will report that there is no such directory.
    if (systemCode(error) === undefined) throw error;
    return path;
  }
  return join(walDirectory, basename(path));
}

/**
 * The name of a file of `pg_wal`.
 * @param path from `locate`
 * @returns undefined for a file in another directory, whatever its name
 */
export function ownName(walDirectory: string, path: string): string | undefined {
  return dirname(path) === walDirectory ? basename(path) : undefined;
}
