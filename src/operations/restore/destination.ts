/** The directories that a restore writes into: refused unless empty, made if missing, emptied again if it fails. */
import { chmod, mkdir, opendir, readdir, realpath, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { localIoError, systemCode, WalvaultError } from '../../base/errors/errors.ts';
import { fsyncDirectory } from '../../base/files/durable.ts';
import { formatSize } from '../../base/units.ts';
import type { AccessMode } from './access-mode.ts';
import { postmasterPidName } from '../../postgres/cluster/postmaster-pid.ts';

export interface PreparedDirectory {
  /** The absolute path, with symbolic links resolved. */
  readonly path: string;
  /** The uppermost directory that was made for this path; undefined if the path existed. */
  readonly created: string | undefined;
}

/**
 * Accepts a missing or empty directory.
 * @throws WalvaultError `destination` for anything else
 */
export async function refuseOccupied(path: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(path);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return;
    if (code === 'ENOTDIR') throw new WalvaultError('destination', `${path} is not a directory`);
    throw localIoError('read directory', path, error);
  }
  if (names.includes(postmasterPidName))
    throw new WalvaultError(
      'destination',
      `${path} is a data directory with a ${postmasterPidName}: a server may be running in it`,
      {
        hint: 'Restore into another directory; or stop the server, and move its directory away.',
      },
    );
  if (names.length > 0)
    throw new WalvaultError('destination', `${path} is not empty (${names.toSorted()[0]} is in it)`, {
      hint: 'Restore into an empty or new directory; nothing in this one was touched.',
    });
}

/** Makes the directory: PostgreSQL refuses a data directory that other users may read. */
export async function prepareDirectory(path: string, accessMode: AccessMode): Promise<PreparedDirectory> {
  await refuseOccupied(path);
  try {
    const created = await mkdir(path, { recursive: true, mode: 0o700 });
    await chmod(path, accessMode);
    const real = await realpath(path);
    if (created !== undefined) await fsyncCreated(real, resolve(created));
    return { path: real, created };
  } catch (error) {
    if (systemCode(error) === 'EPERM')
      throw new WalvaultError('destination', `${path} belongs to another user`, {
        cause: error,
        hint: 'Give the directory to the user that runs PostgreSQL, and run the restore as that user.',
      });
    throw localIoError('create directory', path, error);
  }
}

/** Removes the files of a failed restore. `global/pg_control` never existed, so files that remain are harmless. */
export async function removeWritten(directories: readonly PreparedDirectory[]): Promise<void> {
  for (const { path, created } of directories) {
    for (const name of await readdir(path)) await rm(join(path, name), { recursive: true, force: true });
    if (created !== undefined) await rm(created, { recursive: true, force: true });
  }
}

export interface SpaceNeed {
  readonly directory: string;
  readonly sizeBytes: number;
}

/**
 * Checks that each file system has the space for all its directories.
 * @throws WalvaultError `destination`
 */
export async function requireSpace(needs: readonly SpaceNeed[]): Promise<void> {
  for (const { sizeBytes, freeBytes, directory } of await fileSystemsOf(needs)) {
    if (sizeBytes <= freeBytes) continue;
    throw new WalvaultError(
      'destination',
      `${directory}: the backup and its WAL need ${formatSize(sizeBytes)}, its file system has ${formatSize(freeBytes)} free`,
      { hint: tooSmallHint },
    );
  }
}

/**
 * Checks that the file systems have enough space together, while nobody knows yet how much goes into which directory.
 * @throws WalvaultError `destination`
 */
export async function requireSpaceTogether(needs: readonly SpaceNeed[]): Promise<void> {
  const fileSystems = await fileSystemsOf(needs);
  const sum = (name: 'sizeBytes' | 'freeBytes') => fileSystems.reduce((total, each) => total + each[name], 0);
  if (sum('sizeBytes') <= sum('freeBytes')) return;
  const names = fileSystems.map(({ directory }) => directory).join(', ');
  throw new WalvaultError(
    'destination',
    `${names}: the backup and its WAL need ${formatSize(sum('sizeBytes'))}, ${fileSystems.length === 1 ? 'its file system has' : 'their file systems have'} ${formatSize(sum('freeBytes'))} free`,
    { hint: tooSmallHint },
  );
}

const tooSmallHint = 'Free some space, or choose another directory; nothing was written.';

interface FileSystem {
  /** The first of the directories on it. */
  readonly directory: string;
  readonly sizeBytes: number;
  readonly freeBytes: number;
}

/** The file systems of the directories, each with all that goes there. */
async function fileSystemsOf(needs: readonly SpaceNeed[]): Promise<FileSystem[]> {
  const byDevice = new Map<number, FileSystem>();
  for (const { directory, sizeBytes } of needs) {
    const existing = await nearestExisting(directory);
    const { dev } = await stat(existing);
    const { bavail, bsize } = await statfs(existing);
    const known = byDevice.get(dev) ?? { sizeBytes: 0, freeBytes: bavail * bsize, directory };
    byDevice.set(dev, { ...known, sizeBytes: known.sizeBytes + sizeBytes });
  }
  return [...byDevice.values()];
}

/** Calls fsync on all directories of a tree, the root last. Links are not followed. */
export async function fsyncTree(path: string): Promise<void> {
  // One by one: the directory of a database may have a million files.
  for await (const entry of await opendir(path, { bufferSize: 1024 }))
    if (entry.isDirectory()) await fsyncTree(join(path, entry.name));
  await fsyncDirectory(path);
}

async function fsyncCreated(path: string, created: string): Promise<void> {
  for (let directory = dirname(path); ; directory = dirname(directory)) {
    await fsyncDirectory(directory);
    if (directory === dirname(created) || directory === dirname(directory)) return;
  }
}

async function nearestExisting(path: string): Promise<string> {
  for (let directory = resolve(path); ; directory = dirname(directory)) {
    try {
      await stat(directory);
      return directory;
    } catch (error) {
      const isMissing = systemCode(error) === 'ENOENT' && directory !== dirname(directory);
      if (!isMissing) throw localIoError('look at', directory, error);
    }
  }
}
