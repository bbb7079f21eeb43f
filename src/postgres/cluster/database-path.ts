/** The database that a file of the data directory belongs to, by its path. Pure. */

/** `base/<oid>` and `pg_tblspc/<oid>/PG_<major>_<catalogue version>/<oid>` (GetDatabasePath in relpath.c). */
const databasePath = /^(?:base|pg_tblspc\/\d{1,10}\/PG_[^/]+)\/(\d{1,10})(?:\/|$)/;

/**
 * @param path relative to the data directory: of a file, of a directory, or of a relation as the server's log has it
 * @returns the OID of the database; undefined for what belongs to the whole cluster
 */
export function databaseOf(path: string): number | undefined {
  const match = databasePath.exec(path);
  return match === null ? undefined : Number(match[1]);
}
