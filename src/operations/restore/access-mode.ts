/**
 * Who may read a restored data directory: its owner alone (0700), or its group too (0750, `initdb --allow-group-access`).
 * PostgreSQL takes no other mode, and gives the files that it makes the same rights (checkDataDir in miscinit.c). Pure.
 */
export type AccessMode = 0o700 | 0o750;

/** The mode that was asked for, or that of the origin; 0700 if neither is known. */
export function accessModeOf(asked: AccessMode | undefined, recorded: number | undefined): AccessMode {
  return asked ?? (recorded === 0o750 ? 0o750 : 0o700);
}

/** PostgreSQL's files at the top. Others there may be keys, which PostgreSQL refuses if a group can read them. */
const ownAtTop = new Set([
  'PG_VERSION',
  'backup_label',
  'backup_label.old',
  'backup_manifest',
  'pg_hba.conf',
  'pg_ident.conf',
  'postgresql.auto.conf',
  'postgresql.conf',
  'tablespace_map',
  'tablespace_map.old',
]);

/**
 * The permission bits of a restored file or directory. The owner can always read and write it. The rest is as recorded,
 * unless a mode was asked for.
 */
export function permissionsOf(
  entry: { readonly path: string; readonly type: 'file' | 'directory'; readonly mode: number },
  asked: AccessMode | undefined,
): number {
  const isFile = entry.type === 'file';
  const recorded = (entry.mode & 0o777) | (isFile ? 0o600 : 0o700);
  if (asked === undefined) return recorded;
  const owner = recorded & 0o700;
  if (asked === 0o700) return owner;
  if (isFile && !entry.path.includes('/') && !ownAtTop.has(entry.path)) return recorded;
  return owner | (isFile ? 0o040 : 0o050);
}
