/** A walk through a data directory, also of a running server, that gives the entries for a base backup. */
import { lstat, readlink, realpath, stat } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { join, relative } from 'node:path';
import { localIoError, systemCode, WalvaultError } from '../../base/errors/errors.ts';
import {
  classifyBackupPath,
  isDatabaseDirectory,
  isMovedData,
  isTablespaceLink,
  isUnloggedContent,
  type EntryType,
} from './backup-selection.ts';
import { readControlFile } from './control-file.ts';
import { DirectoryNames } from './directory-names.ts';
import { unloggedRelations } from './relation-file.ts';

export interface DataDirectoryEntry {
  /** Relative to the data directory, `/`-separated; files of a tablespace are under `pg_tblspc/<oid>/PG_15_…/`. */
  path: string;
  absolutePath: string;
  /**
   * A `symlink` is a tablespace, whose contents follow, or a link of the administrator's that is no data of
   * PostgreSQL's. A link to moved data has the type of what it leads to, and a `linkTarget`.
   */
  type: EntryType;
  sizeBytes: number;
  /** Permission bits. */
  mode: number;
  /** The user id of the owner. */
  ownerId: number;
  mtimeMs: number;
  linkTarget?: string;
  /** For a tablespace inside the data directory: its path there. */
  insidePath?: string | undefined;
}

/**
 * Entries in ascending order of the bytes of their paths, directories before their contents. Files that vanish
 * meanwhile are left out, as in basebackup.c: WAL knows of their removal. Memory holds the names of one directory for
 * each level, and little more than their bytes. `global/pg_control` is one of the entries; a backup must read it last.
 * @throws WalvaultError `local-io`, `refused` for a name that is not UTF-8
 */
export async function* walkDataDirectory(
  dataDirectory: string,
  signal: AbortSignal,
): AsyncGenerator<DataDirectoryEntry> {
  const { catalogVersion } = await readControlFile(dataDirectory, signal);
  const insidePaths = await tablespacesInside(dataDirectory);
  yield* walkDirectory({ dataDirectory, catalogVersion, insidePaths, signal }, '');
}

/**
 * True for the only directory in a tablespace that belongs to this cluster: others may share the tablespace, as during
 * pg_upgrade (relpath.h, TABLESPACE_VERSION_DIRECTORY). No two major versions have the same version of the catalogues, and
 * the control file does not name the major version.
 */
function isTablespaceVersionDirectory(name: string, catalogVersion: number): boolean {
  return /^PG_\d+_\d+$/.test(name) && name.endsWith(`_${catalogVersion}`);
}

interface Walk {
  readonly dataDirectory: string;
  readonly catalogVersion: number;
  /** The tablespaces inside the data directory: their links, and their paths there. */
  readonly insidePaths: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
}

/**
 * PostgreSQL allows a tablespace inside the data directory, with a warning. Its files are taken by its link, as
 * basebackup.c takes them, so its directory there counts as empty.
 */
async function tablespacesInside(dataDirectory: string): Promise<Map<string, string>> {
  const inside = new Map<string, string>();
  const root = await realpath(dataDirectory);
  for (const name of await namesIn(join(dataDirectory, 'pg_tblspc'))) {
    const link = `pg_tblspc/${name}`;
    const absolutePath = join(dataDirectory, link);
    if (!isTablespaceLink(link) || !(await lstatIfThere(absolutePath, name))?.isSymbolicLink()) continue;
    const target = await unlessGone('read', absolutePath, realpath(absolutePath));
    if (target?.startsWith(`${root}/`)) inside.set(link, relative(root, target));
  }
  return inside;
}

async function* walkDirectory(walk: Walk, directory: string): AsyncGenerator<DataDirectoryEntry> {
  walk.signal.throwIfAborted();
  const names = await namesIn(join(walk.dataDirectory, directory));
  const isTaken = selectionOf(walk, directory, names);
  // A directory's contents sort after `name/`, and `name.x` before it: so the two steps are sorted apart.
  const descents: string[] = [];
  for (const batch of batchesOf(names, isTaken)) {
    walk.signal.throwIfAborted();
    const entries = await Promise.all(batch.map(name => inspect(walk, directory, name)));
    for (const entry of entries) {
      if (entry === undefined) continue;
      yield* descendBefore(walk, descents, entry.path);
      yield entry;
      if (await isEntered(walk, entry)) descents.push(entry.path);
    }
  }
  yield* descendBefore(walk, descents, undefined);
}

/** Number of files that are examined side by side. */
const lookAhead = 32;

function* batchesOf(names: Iterable<string>, isTaken: (name: string) => boolean): Generator<string[]> {
  let batch: string[] = [];
  for (const name of names) {
    if (!isTaken(name)) continue;
    batch.push(name);
    if (batch.length < lookAhead) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

/** Enters the directories whose contents come before `path`; all directories if it is undefined. */
async function* descendBefore(
  walk: Walk,
  descents: string[],
  path: string | undefined,
): AsyncGenerator<DataDirectoryEntry> {
  const due = descents.filter(directory => path === undefined || compareBytes(`${directory}/`, path) < 0);
  for (const directory of due.toSorted((a, b) => compareBytes(`${a}/`, `${b}/`))) {
    descents.splice(descents.indexOf(directory), 1);
    yield* walkDirectory(walk, directory);
  }
}

/** Which of the names in a directory may belong to a backup. */
function selectionOf(walk: Walk, directory: string, names: Iterable<string>): (name: string) => boolean {
  const parts = directory.split('/');
  if (parts.length === 2 && parts[0] === 'pg_tblspc')
    return name => isTablespaceVersionDirectory(name, walk.catalogVersion);
  if (!isDatabaseDirectory(parts)) return () => true;
  const unlogged = unloggedRelations(names);
  return name => !isUnloggedContent(name, unlogged);
}

/** Undefined for an entry that a backup leaves out, that is no file, directory or link, or that has vanished. */
async function inspect(walk: Walk, directory: string, name: string): Promise<DataDirectoryEntry | undefined> {
  const path = directory === '' ? name : `${directory}/${name}`;
  if (classifyBackupPath(path, 'file') === 'skip' && classifyBackupPath(path, 'directory') === 'skip')
    return undefined;
  const absolutePath = join(walk.dataDirectory, path);
  const stats = await lstatIfThere(absolutePath, name);
  const type = stats === undefined ? undefined : typeOf(stats);
  if (stats === undefined || type === undefined || classifyBackupPath(path, type) === 'skip')
    return undefined;
  const common = { path, absolutePath };
  if (type !== 'symlink') return { ...common, ...factsOf(stats, type) };
  const linkTarget = await readlink(absolutePath);
  const target = await statIfThere(absolutePath);
  const targetType = target === undefined ? undefined : typeOf(target);
  if (isMovedData(path) && targetType === undefined) {
    walk.signal.throwIfAborted();
    throw targetIsMissing(path, linkTarget);
  }
  // A linked pg_wal, or another directory of PostgreSQL's that was moved away, comes back as a directory.
  const isFollowed = isMovedData(path) || (targetType === 'directory' && isOwnDirectory(path));
  if (target !== undefined && targetType !== undefined && isFollowed)
    return { ...common, ...factsOf(target, targetType), linkTarget };
  return { ...common, ...factsOf(stats, type), linkTarget, insidePath: walk.insidePaths.get(path) };
}

function factsOf(
  stats: Stats,
  type: EntryType,
): Pick<DataDirectoryEntry, 'type' | 'sizeBytes' | 'mode' | 'ownerId' | 'mtimeMs'> {
  const { mode, uid, mtimeMs } = stats;
  return { type, sizeBytes: type === 'file' ? stats.size : 0, mode: mode & 0o7777, ownerId: uid, mtimeMs };
}

function targetIsMissing(path: string, linkTarget: string): WalvaultError {
  return new WalvaultError(
    'local-io',
    `${path} is a symbolic link to ${linkTarget}, which is not there: its data would be missing in the backup`,
    { hint: 'Is its disk mounted? A link that leads nowhere must go from the data directory.' },
  );
}

function isInside(walk: Walk, path: string): boolean {
  return walk.insidePaths.values().some(inside => inside === path);
}

function isOwnDirectory(path: string): boolean {
  return path === 'pg_wal' || classifyBackupPath(path, 'directory') === 'empty-directory';
}

async function isEntered(walk: Walk, entry: DataDirectoryEntry): Promise<boolean> {
  if (entry.type === 'directory')
    return classifyBackupPath(entry.path, 'directory') === 'include' && !isInside(walk, entry.path);
  if (entry.type !== 'symlink' || !isTablespaceLink(entry.path)) return false;
  const target = await statIfThere(entry.absolutePath);
  if (target?.isDirectory()) return true;
  walk.signal.throwIfAborted();
  throw new WalvaultError(
    'local-io',
    `tablespace ${entry.path}: its directory ${entry.linkTarget} is not there`,
    {
      hint: 'Is its disk mounted? A backup without it would lose every table in it.',
    },
  );
}

function typeOf(stats: Stats): EntryType | undefined {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'symlink' : undefined;
}

async function namesIn(absolutePath: string): Promise<Iterable<string>> {
  return (await unlessGone('list', absolutePath, DirectoryNames.in(absolutePath))) ?? [];
}

async function lstatIfThere(absolutePath: string, name: string): Promise<Stats | undefined> {
  const stats = await unlessGone('read', absolutePath, lstat(absolutePath));
  // Node shows invalid bytes as U+FFFD, and a file of that name does not exist: it must not pass for a vanished file.
  if (stats === undefined && name.includes('\uFFFD'))
    throw new WalvaultError('refused', `${absolutePath}: its name is not valid UTF-8`, {
      hint: 'PostgreSQL makes no such files; rename it or move it out of the data directory.',
    });
  return stats;
}

async function statIfThere(absolutePath: string): Promise<Stats | undefined> {
  return unlessGone('read', absolutePath, stat(absolutePath));
}

async function unlessGone<T>(action: string, absolutePath: string, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw localIoError(action, absolutePath, error);
  }
}

/** The order of the UTF-8 bytes; for ASCII this is JavaScript's own. */
function compareBytes(a: string, b: string): number {
  if (/[^\0-\x7f]/.test(a) || /[^\0-\x7f]/.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : a > b ? 1 : 0;
}
