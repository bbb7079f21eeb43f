/**
 * The rights of the connected role: the functions and settings that a backup and a check use and that PostgreSQL keeps
 * from ordinary roles (system_functions.sql; "Predefined Roles"). docs/permissions.md has the same list.
 */
import type { PgConnection } from './connection.ts';
import { queryOne } from './query.ts';
import { firstWithNewNames } from './backup-control.ts';

export interface MissingRight {
  readonly neededFor: 'backup' | 'settings' | 'segment';
  /** `pg_backup_start(text, boolean)`, or a role. */
  readonly what: string;
  /** The statement that gives it, for a superuser in the same database. */
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
    ],
  };
}
