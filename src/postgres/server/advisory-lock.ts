/** Advisory locks: two commands on the same server tell each other what they are at. */
import { createHash } from 'node:crypto';
import type { PgConnection } from './connection.ts';
import { queryOne } from './query.ts';

/**
 * Takes the lock of this name until the session ends, however it ends. It is taken again by a session that has it. Sessions in
 * other databases do not see it.
 * @returns false if another session has it
 * @throws WalvaultError `postgres`
 */
export async function lockForSession(connection: PgConnection, name: string): Promise<boolean> {
  const key = createHash('sha256').update(name).digest().readBigInt64BE();
  const { locked } = await queryOne<{ locked: boolean }>(
    connection,
    'select pg_try_advisory_lock($1::bigint) as locked',
    [String(key)],
  );
  return locked;
}
