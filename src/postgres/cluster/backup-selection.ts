/**
 * What a base backup takes of a data directory: the lists of basebackup.c, plus files that must not come back to life
 * with a restored copy.
 */
import { backupLabelName } from './backup-label.ts';
import { backupManifestName } from './backup-manifest.ts';
import { postmasterPidName } from './postmaster-pid.ts';
import { isTemporaryRelation, parseRelationFile } from './relation-file.ts';
import { promoteSignal, recoverySignal, standbySignal } from './signal-files.ts';
import { tablespaceMapName } from './tablespace-map.ts';

export type EntryType = 'file' | 'directory' | 'symlink';

/** `empty-directory`: the directory itself is kept, nothing in it. */
export type EntryDecision = 'include' | 'skip' | 'empty-directory';

/** Rebuilt or emptied at every start (basebackup.c, excludeDirContents). */
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

/** basebackup.c, excludeFiles; signal files so that a restored copy follows nobody and promotes by nobody's leave. */
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
]);

/**
 * The decision for one path, relative to the data directory; `pg_tblspc/<oid>` may be a link or a directory. Unlogged
 * relations need their neighbours to be known and are not decided here: see `unloggedRelations`.
 */
export function classifyBackupPath(relativePath: string, type: EntryType): EntryDecision {
  const name = relativePath.slice(relativePath.lastIndexOf('/') + 1);
  const parts = relativePath.split('/');
  const top = parts[0] ?? '';
  if (name.startsWith('pgsql_tmp') || name.startsWith('pg_internal.init')) return 'skip';
  if (isOwnOrSocket(name)) return 'skip';
  if (parts.length === 1 && skippedAtTop.has(name)) return 'skip';
  if (emptiedDirectories.has(relativePath)) return 'empty-directory';
  if (parts.length > 1 && emptiedDirectories.has(top)) return 'skip';
  if (top === 'pg_wal' && parts.length > 1) return 'skip';
  if (type !== 'directory' && isDatabaseDirectory(parts.slice(0, -1)) && isTemporaryRelation(name))
    return 'skip';
  return 'include';
}

/** `base/<oid>`, or `<oid>` below a tablespace's version directory: where relation files of a database live. */
export function isDatabaseDirectory(parts: readonly string[]): boolean {
  const database = parts.at(-1) ?? '';
  if (!/^\d+$/.test(database)) return false;
  return (parts.length === 2 && parts[0] === 'base') || (parts.length === 4 && parts[0] === 'pg_tblspc');
}

/** True for files of unlogged relations other than the init fork. `unlogged` comes from the same directory. */
export function isUnloggedContent(name: string, unlogged: ReadonlySet<number>): boolean {
  const file = parseRelationFile(name);
  return file !== undefined && file.fork !== 'init' && unlogged.has(file.relfilenode);
}

/** Our own temporary names (base/files.ts), and the socket and its lock of a server that has them here. */
function isOwnOrSocket(name: string): boolean {
  return (
    /^\..+\.[0-9a-f]{12}\.tmp$/.test(name) || name.startsWith('.walvault') || name.startsWith('.s.PGSQL.')
  );
}
