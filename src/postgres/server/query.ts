/** A query that returns one row. */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { PgConnection } from './connection.ts';

/** The row of a query that always has one. @throws WalvaultError `postgres` */
export async function queryOne<T extends object>(
  connection: Pick<PgConnection, 'query'>,
  sql: string,
  params?: readonly unknown[],
): Promise<T> {
  const [row] = await connection.query<T>(sql, params);
  if (row === undefined) throw new WalvaultError('postgres', 'postgres: a query that has one row gave none');
  return row;
}
