/** What became of the placeholders in a data directory: replay copies, moves and drops databases. The server is stopped. */
import { constants } from 'node:fs';
import { lstat, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { localIoError, systemCode } from '../../../base/errors/errors.ts';
import { databaseOf } from '../../../postgres/cluster/database-path.ts';
import { placeholderMark, relationMapName } from './write-placeholders.ts';

export interface FoundDatabases {
  /** The OIDs of all databases that have a directory. */
  readonly existing: ReadonlySet<number>;
  /** Of those that are placeholders, or copies of one. */
  readonly placeholders: ReadonlySet<number>;
  /** The directories of placeholders. */
  readonly directories: readonly string[];
}

/** @throws WalvaultError `local-io` */
export async function findPlaceholders(dataDirectory: string): Promise<FoundDatabases> {
  const existing = new Set<number>();
  const placeholders = new Set<number>();
  const directories: string[] = [];
  for (const path of await databaseDirectories(dataDirectory)) {
    const oid = databaseOf(path);
    if (oid === undefined) continue;
    existing.add(oid);
    const directory = join(dataDirectory, path);
    if (!(await exists(join(directory, placeholderMark)))) continue;
    placeholders.add(oid);
    directories.push(directory);
  }
  return { existing, placeholders, directories };
}

/** Empties the relation maps, which replay writes anew where the origin moved a catalogue (relmap_redo). */
export async function emptyRelationMaps({ directories }: FoundDatabases): Promise<void> {
  for (const directory of directories) {
    const path = join(directory, relationMapName);
    try {
      await using handle = await open(path, constants.O_WRONLY | constants.O_NOFOLLOW);
      await handle.truncate(0);
      await handle.sync();
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw localIoError('empty', path, error);
    }
  }
}

const preparedDirectory = 'pg_twophase';
/** Magic, length, transaction, database: four bytes each (xl_xact_prepare in xact.h). */
const databaseOffset = 12;

/**
 * Takes back prepared transactions of placeholders: nobody can connect to end them, and DROP DATABASE waits for them.
 * @returns how many
 */
export async function removePrepared(
  dataDirectory: string,
  { placeholders }: FoundDatabases,
): Promise<number> {
  let count = 0;
  const directory = join(dataDirectory, preparedDirectory);
  for (const name of await namesIn(directory)) {
    if (!/^[0-9A-F]{8,16}$/.test(name)) continue;
    const path = join(directory, name);
    if (!placeholders.has(await preparedIn(path))) continue;
    await rm(path);
    count++;
  }
  return count;
}

async function preparedIn(path: string): Promise<number> {
  const head = Buffer.alloc(databaseOffset + 4);
  try {
    await using handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    await handle.read(head, 0, head.length, 0);
  } catch (error) {
    throw localIoError('read', path, error);
  }
  return head.readUInt32LE(databaseOffset);
}

async function databaseDirectories(dataDirectory: string): Promise<string[]> {
  const parents = ['base'];
  for (const tablespace of await namesIn(join(dataDirectory, 'pg_tblspc')))
    for (const version of await namesIn(join(dataDirectory, 'pg_tblspc', tablespace)))
      parents.push(`pg_tblspc/${tablespace}/${version}`);
  const paths: string[] = [];
  for (const parent of parents)
    for (const name of await namesIn(join(dataDirectory, parent))) paths.push(`${parent}/${name}`);
  return paths;
}

/** Empty for what is not there, or is no directory. */
async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return [];
    throw localIoError('read directory', directory, error);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return false;
    throw localIoError('look at', path, error);
  }
}
