/** The databases and tablespaces of a running cluster, as its shared catalogues name them. */
import type { PgConnection } from './connection.ts';
import { queryOne } from './query.ts';

export interface Database {
  readonly oid: number;
  readonly name: string;
  /** The oid of its default tablespace. */
  readonly tablespace: number;
  /** Why nobody can connect to it; undefined for an ordinary database. */
  readonly closed: string | undefined;
}

export interface NamedTablespace {
  readonly oid: number;
  readonly name: string;
}

/** In the order of their oids. @throws WalvaultError `postgres` */
export async function readDatabases(connection: PgConnection): Promise<Database[]> {
  const rows = await connection.query<{
    oid: string;
    name: string;
    tablespace: string;
    closed: string | null;
  }>(
    `select oid::text as oid, datname as name, dattablespace::text as tablespace,
            case when datconnlimit = -2 then 'its removal was interrupted'
                 when not datallowconn then 'it allows no connections' end as closed
     from pg_database order by oid`,
  );
  return rows.map(({ oid, name, tablespace, closed }) => ({
    oid: Number(oid),
    name,
    tablespace: Number(tablespace),
    closed: closed ?? undefined,
  }));
}

/** In the order of their oids. @throws WalvaultError `postgres` */
export async function readTablespaces(connection: PgConnection): Promise<NamedTablespace[]> {
  const sql = 'select oid::text as oid, spcname as name from pg_tablespace order by oid';
  const rows = await connection.query<{ oid: string; name: string }>(sql);
  return rows.map(({ oid, name }) => ({ oid: Number(oid), name }));
}

/** A text that no other running server has: it tells whether two sessions are with one server. */
export async function serverStart(connection: PgConnection): Promise<string> {
  const sql = `select extract(epoch from pg_postmaster_start_time())::text || ' ' || system_identifier as start
               from pg_control_system()`;
  return (await queryOne<{ start: string }>(connection, sql)).start;
}
