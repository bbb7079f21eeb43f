/**
 * The rules for which files of a data directory a base backup takes. They are the lists of basebackup.c, and files that
 * must not take effect in a restored copy.
 */
import { backupLabelName } from './backup-label.ts';
import { backupManifestName } from './backup-manifest.ts';
import { postmasterPidName } from './postmaster-pid.ts';
import { isTemporaryRelation, parseRelationFile } from './relation-file.ts';
import { promoteSignal, recoverySignal, standbySignal } from './signal-files.ts';
import { tablespaceMapName } from './tablespace-map.ts';

export type EntryType = 'file' | 'directory' | 'symlink';

/** `empty-directory`: the directory is kept without its contents. */
export type EntryDecision = 'include' | 'skip' | 'empty-directory';

/** In a data directory that a restore works on: what it is about to become (operations/restore/delta). */
export const deltaMarkerName = 'walvault.delta-restore';

/** The beginning of the names of WAL directories that a restore has moved aside. */
export const walAsidePrefix = 'pg_wal.before-restore-';

/** Directories that every start rebuilds or empties (basebackup.c, excludeDirContents). */
const emptiedDirectories = new Set([
  'pg_stat_tmp',
  'pg_replslot',
  'pg_dynshmem',
  'pg_notify',
  'pg_serial',
  'pg_snapshots',
  'pg_subtrans',
  // WAL comes from the archive. Its two directories must exist; PostgreSQL 17 has the second.
  'pg_wal/archive_status',
  'pg_wal/summaries',
]);

/**
 * Files of basebackup.c (excludeFiles), and signal files, so that a restored copy neither follows a server nor promotes
 * itself.
 */
const skippedAtTop = new Set([
  'postgresql.auto.conf.tmp',
  'current_logfiles',
  'current_logfiles.tmp',
  backupLabelName,
  tablespaceMapName,
  backupManifestName,
  postmasterPidName,
  'postmaster.opts',
  standbySignal,
  recoverySignal,
  promoteSignal,
  deltaMarkerName,
]);

/**
 * The decision for one path, relative to the data directory; `pg_tblspc/<oid>` may be a link or a directory. Unlogged
 * relations are decided elsewhere, because that takes the other files of the directory: see `unloggedRelations`.
 */
export function classifyBackupPath(relativePath: string, type: EntryType): EntryDecision {
  const name = relativePath.slice(relativePath.lastIndexOf('/') + 1);
  const parts = relativePath.split('/');
  const top = parts[0] ?? '';
  if (name.startsWith('pgsql_tmp') || name.startsWith('pg_internal.init')) return 'skip';
  if (isOwnOrSocket(name)) return 'skip';
  if (parts.length === 1 && (skippedAtTop.has(name) || name.startsWith(walAsidePrefix))) return 'skip';
  if (emptiedDirectories.has(relativePath)) return 'empty-directory';
  if (parts.length > 1 && emptiedDirectories.has(top)) return 'skip';
  if (top === 'pg_wal' && parts.length > 1) return 'skip';
  if (type !== 'directory' && isDatabaseDirectory(parts.slice(0, -1)) && isTemporaryRelation(name))
    return 'skip';
  return 'include';
}

/**
 * True for directories with the relation files of a database: `base/<oid>`, or `<oid>` below a tablespace's version
 * directory.
 */
export function isDatabaseDirectory(parts: readonly string[]): boolean {
  const database = parts.at(-1) ?? '';
  if (!/^\d+$/.test(database)) return false;
  return (parts.length === 2 && parts[0] === 'base') || (parts.length === 4 && parts[0] === 'pg_tblspc');
}

/** Entries of the data directory that hold data: PostgreSQL makes them, never as links, and a copy needs them. */
const dataAtTop = new Set([
  'PG_VERSION',
  'base',
  'global',
  'pg_commit_ts',
  'pg_logical',
  'pg_multixact',
  'pg_stat',
  'pg_tblspc',
  'pg_twophase',
  'pg_xact',
  'postgresql.auto.conf',
]);

/**
 * True if a symbolic link at this path stands for data that an administrator has moved, such as a database on another
 * disk. The links of tablespaces are PostgreSQL's own.
 */
export function isMovedData(path: string): boolean {
  return dataAtTop.has(path.split('/')[0] ?? '') && !isTablespaceLink(path);
}

/** True for `pg_tblspc/<oid>`. */
export function isTablespaceLink(path: string): boolean {
  return /^pg_tblspc\/\d+$/.test(path);
}

/** True for files of unlogged relations other than the init fork. `unlogged` comes from the same directory. */
export function isUnloggedContent(name: string, unlogged: ReadonlySet<number>): boolean {
  const file = parseRelationFile(name);
  return file !== undefined && file.fork !== 'init' && unlogged.has(file.relfilenode);
}

/** True for walvault's own files, its temporary names (base/files/durable.ts), and a server's socket and lock file. */
function isOwnOrSocket(name: string): boolean {
  return (
    /^\..+\.[0-9a-f]{12}\.tmp$/.test(name) || name.startsWith('.walvault') || name.startsWith('.s.PGSQL.')
  );
}
