/** What the connected database holds, in numbers and versions. Objects of PostgreSQL itself are not counted. */
import type { PgConnection } from './connection.ts';
import { queryOne } from './query.ts';

export interface DatabaseFacts {
  readonly encoding: string;
  readonly locale: DatabaseLocale;
  readonly counts: ObjectCounts;
  readonly extensions: readonly { readonly name: string; readonly version: string }[];
  /** The collations that indexes and partition keys use, and those that users made, if they have a version. */
  readonly collations: readonly CollationVersion[];
}

export interface DatabaseLocale {
  readonly collate: string;
  readonly ctype: string;
  readonly provider: string;
  /** The locale of a provider other than libc. */
  readonly locale?: string | undefined;
  /** The version of the default collation when the database was made or last refreshed (PostgreSQL 15+). */
  readonly version?: string | undefined;
  /** The version that the operating system has now. */
  readonly actualVersion?: string | undefined;
}

/** Tables and indexes with the partitioned ones, without TOAST; nothing temporary. */
export interface ObjectCounts {
  readonly tables: number;
  readonly indexes: number;
  readonly constraints: number;
  readonly sequences: number;
}

export interface CollationVersion {
  readonly schema: string;
  readonly name: string;
  readonly provider: string;
  readonly version: string;
  readonly actualVersion?: string | undefined;
}

/** Only catalogues are read. @throws WalvaultError `postgres` */
export async function readDatabaseFacts(connection: PgConnection): Promise<DatabaseFacts> {
  const { encoding, ...locale } = await readLocale(connection);
  return {
    encoding,
    locale,
    counts: await readCounts(connection),
    extensions: await connection.query(
      'select extname as name, extversion as version from pg_extension order by extname',
    ),
    collations: await readCollations(connection),
  };
}

async function readLocale(connection: PgConnection): Promise<DatabaseLocale & { encoding: string }> {
  const { serverVersion } = connection;
  const row = await queryOne<LocaleRow>(
    connection,
    `select pg_encoding_to_char(d.encoding) as encoding, d.datcollate as lc_collate, d.datctype as lc_ctype,
            ${localeColumns(serverVersion)}
     from pg_database d where d.datname = current_database()`,
  );
  return {
    encoding: row.encoding,
    collate: row.lc_collate,
    ctype: row.lc_ctype,
    provider: providerOf(row.provider),
    ...optional({ locale: row.locale, version: row.version, actualVersion: row.actual }),
  };
}

interface LocaleRow {
  readonly encoding: string;
  readonly lc_collate: string;
  readonly lc_ctype: string;
  readonly provider: string;
  readonly locale: string | null;
  readonly version: string | null;
  readonly actual: string | null;
}

/** Before 15 a database has no version of its own; the operating system's is that of a collation of the same locale. */
function localeColumns(serverVersion: number): string {
  if (serverVersion < 150_000)
    return `'c' as provider, null as locale, null as version,
            (select pg_collation_actual_version(c.oid) from pg_collation c
             where c.collprovider = 'c' and c.collcollate = d.datcollate::text
               and c.collencoding in (-1, d.encoding) limit 1) as actual`;
  const locale = serverVersion < 170_000 ? 'daticulocale' : 'datlocale';
  return `d.datlocprovider as provider, d.${locale} as locale, d.datcollversion as version,
          pg_database_collation_actual_version(d.oid) as actual`;
}

/** FirstNormalObjectId (transam.h): what has a smaller oid came with the server. */
const firstUserOid = 16_384;

async function readCounts(connection: PgConnection): Promise<ObjectCounts> {
  const row = await queryOne<Record<keyof ObjectCounts, string>>(
    connection,
    `select count(*) filter (where relkind in ('r', 'p')) as tables,
            count(*) filter (where relkind in ('i', 'I')) as indexes,
            count(*) filter (where relkind = 'S') as sequences,
            (select count(*) from pg_constraint c
             where c.oid >= ${firstUserOid}
               and not exists (select from pg_class r where r.oid = c.conrelid and r.relpersistence = 't')
            ) as constraints
     from pg_class
     where oid >= ${firstUserOid} and relpersistence <> 't' and relnamespace <> 'pg_toast'::regnamespace`,
  );
  return {
    tables: Number(row.tables),
    indexes: Number(row.indexes),
    constraints: Number(row.constraints),
    sequences: Number(row.sequences),
  };
}

async function readCollations(connection: PgConnection): Promise<CollationVersion[]> {
  const rows = await connection.query<{
    schema: string;
    name: string;
    provider: string;
    version: string;
    actual: string | null;
  }>(
    `select n.nspname as schema, c.collname as name, c.collprovider as provider, c.collversion as version,
            pg_collation_actual_version(c.oid) as actual
     from pg_collation c join pg_namespace n on n.oid = c.collnamespace
     where c.collversion is not null
       and (c.oid >= ${firstUserOid} or c.oid in (select unnest(indcollation) from pg_index
                                   union all select unnest(partcollation) from pg_partitioned_table))
     order by n.nspname, c.collname`,
  );
  return rows.map(({ schema, name, provider, version, actual }) => ({
    schema,
    name,
    provider: providerOf(provider),
    version,
    ...optional({ actualVersion: actual }),
  }));
}

/** Names of the letters in pg_collation.h; an unknown one stays. */
function providerOf(letter: string): string {
  const names: Readonly<Record<string, string>> = { b: 'builtin', c: 'libc', i: 'icu' };
  return names[letter] ?? letter;
}

/** Without the values that are null. */
function optional<K extends string>(
  values: Readonly<Record<K, string | null>>,
): { readonly [N in K]?: string } {
  const present = Object.entries<string | null>(values).filter(([, value]) => value !== null);
  return Object.fromEntries(present) as { [N in K]?: string };
}
