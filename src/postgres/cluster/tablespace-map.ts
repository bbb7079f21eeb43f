/**
 * The file `tablespace_map`: the links of `pg_tblspc` that recovery makes, one a line (do_pg_backup_start in xlog.c).
 */
export const tablespaceMapName = 'tablespace_map';

export interface TablespaceLink {
  readonly oid: number;
  /** Absolute. */
  readonly directory: string;
}

/**
 * One link a line. A backslash comes before each backslash and line break of a directory's name (read_tablespace_map in
 * xlogrecovery.c).
 */
export function encodeTablespaceMap(links: readonly TablespaceLink[]): string {
  return links
    .map(({ oid, directory }) => `${oid} ${directory.replaceAll(/[\\\r\n]/g, special => `\\${special}`)}\n`)
    .join('');
}
