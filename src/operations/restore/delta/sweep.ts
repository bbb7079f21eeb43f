/**
 * Removes what the backup does not have, before anything is written: a link or a pipe in the place of a file or a directory is gone by
 * then, and nothing is written through it. Links are removed and never followed.
 */
import { lstat, opendir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { localIoError, systemCode } from '../../../base/errors/errors.ts';
import { deltaMarkerName, walAsidePrefix } from '../../../postgres/cluster/backup-selection.ts';
import { postmasterPidName } from '../../../postgres/cluster/postmaster-pid.ts';
import type { ListedPaths } from './listed-paths.ts';

export interface SweepOptions {
  readonly dataDirectory: string;
  readonly listed: ListedPaths;
  readonly signal: AbortSignal;
}

/** At the top of the data directory: `postmaster.pid` is the lock, and `lost+found` the file system's own. */
const keptAtTop = new Set([deltaMarkerName, postmasterPidName, 'pg_wal', 'lost+found']);

/** True for what stays at the top of the data directory although the manifest does not have it. Pure. */
export function isKeptAtTop(name: string): boolean {
  return keptAtTop.has(name) || name.startsWith(walAsidePrefix);
}

/**
 * Removes, in the data directory and in its own directory of each tablespace, what is not listed, or is of another kind.
 * @returns how many files, links and trees of directories
 * @throws WalvaultError `local-io`
 */
export async function sweep({ dataDirectory, listed, signal }: SweepOptions): Promise<number> {
  let removed = await sweepDirectory(dataDirectory, listed, signal, isKeptAtTop);
  for (const path of listed.versionDirectories) {
    const kind = await kindOf(path);
    if (kind === 'directory') removed += await sweepDirectory(path, listed, signal);
    else if (kind === 'other') removed += await remove(path);
  }
  return removed;
}

async function sweepDirectory(
  directory: string,
  listed: ListedPaths,
  signal: AbortSignal,
  isKept: (name: string) => boolean = () => false,
): Promise<number> {
  signal.throwIfAborted();
  const content = await listed.contentOf(directory);
  const superfluous: Buffer[] = [];
  const directories: string[] = [];
  try {
    // As bytes: a name that is not UTF-8 would not be found again.
    for await (const entry of await opendir(directory, { encoding: 'latin1', bufferSize: 1024 })) {
      const bytes = Buffer.from(entry.name, 'latin1');
      const name = bytes.toString('utf8');
      if (isKept(name)) continue;
      const kind = entry.isDirectory() ? 'directory' : entry.isFile() ? 'file' : 'other';
      if (content.get(name) !== kind) superfluous.push(bytes);
      else if (kind === 'directory') directories.push(name);
    }
  } catch (error) {
    throw localIoError('read directory', directory, error);
  }
  let removed = 0;
  const parent = Buffer.from(`${directory}/`);
  for (const name of superfluous) removed += await remove(Buffer.concat([parent, name]));
  for (const name of directories) removed += await sweepDirectory(join(directory, name), listed, signal);
  return removed;
}

async function remove(path: string | Buffer): Promise<number> {
  try {
    await rm(path, { recursive: true, force: true });
    return 1;
  } catch (error) {
    throw localIoError('remove', path.toString(), error);
  }
}

async function kindOf(path: string): Promise<'directory' | 'other' | 'nothing'> {
  try {
    return (await lstat(path)).isDirectory() ? 'directory' : 'other';
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 'nothing';
    throw localIoError('look at', path, error);
  }
}
