/**
 * The rights of the connected role: the functions and settings that a backup and a check use and that PostgreSQL keeps
 * from ordinary roles (system_functions.sql; "Predefined Roles"). docs/permissions.md has the same list.
 */
import type { PgConnection } from './connection.ts';
import { queryOne } from './query.ts';
import { firstWithNewNames } from './backup-control.ts';

export interface MissingRight {
  readonly neededFor: 'backup' | 'settings' | 'segment' | 'names';
  /** `pg_backup_start(text, boolean)`, or a role. */
  readonly what: string;
  /** The statement that gives it, for a superuser; functions are of the same database. */
  readonly grant: string;
}

export interface RoleRights {
  readonly role: string;
  readonly missing: readonly MissingRight[];
}

/** A restore point gives the segment that check ends something to hold. */
const segmentFunctions = ['pg_create_restore_point(text)', 'pg_switch_wal()'];

function backupFunctions(serverVersion: number): readonly string[] {
  return serverVersion >= firstWithNewNames
    ? ['pg_backup_start(text, boolean)', 'pg_backup_stop(boolean)']
    : ['pg_start_backup(text, boolean, boolean)', 'pg_stop_backup(boolean, boolean)'];
}

const settingsRole = 'pg_read_all_settings';

/** With more databases than these, the first show what is missing. */
const namedDatabases = 10;

/** @throws WalvaultError `postgres` */
export async function readRights(connection: PgConnection): Promise<RoleRights> {
  const { role, name, settings } = await queryOne<{ role: string; name: string; settings: string }>(
    connection,
    `select quote_ident(current_user) as role, current_user::text as name,
            pg_has_role(current_user, $1, 'usage')::text as settings`,
    [settingsRole],
  );
  const refused = async (functions: readonly string[]) =>
    (
      await connection.query<{ signature: string }>(
        `select signature from unnest($1::text[]) signature where not has_function_privilege(signature, 'execute')`,
        [functions],
      )
    ).map(({ signature }) => signature);
  const execute =
    (neededFor: MissingRight['neededFor']) =>
    (what: string): MissingRight => ({
      neededFor,
      what,
      grant: `GRANT EXECUTE ON FUNCTION ${what} TO ${role};`,
    });
  return {
    role: name,
    missing: [
      ...(await refused(backupFunctions(connection.serverVersion))).map(execute('backup')),
      ...(settings === 'true'
        ? []
        : [
            {
              neededFor: 'settings' as const,
              what: settingsRole,
              grant: `GRANT ${settingsRole} TO ${role};`,
            },
          ]),
      ...(await refused(segmentFunctions)).map(execute('segment')),
      ...(await closedDatabases(connection)).map(database => ({
        neededFor: 'names' as const,
        what: database,
        grant: `GRANT CONNECT ON DATABASE ${database} TO ${role};`,
      })),
    ],
  };
}

/** The databases that take connections, but not of this role; each quoted where it must be. */
async function closedDatabases(connection: PgConnection): Promise<string[]> {
  const rows = await connection.query<{ database: string }>(
    `select quote_ident(datname) as database from pg_database
     where datallowconn and datconnlimit <> -2 and not has_database_privilege(oid, 'connect')
     order by datname limit ${namedDatabases}`,
  );
  return rows.map(({ database }) => database);
}
