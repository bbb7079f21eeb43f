/** The relations of the connected database that have files, or parts that have: which file belongs to which name. */
import type { PgConnection } from './connection.ts';

export interface Relation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  /** The number in the names of its files, also of a relation in `pg_filenode.map`; a partitioned one has no files. */
  readonly filenode?: number | undefined;
  /** Its first file, below the data directory; it names tablespace and database too. */
  readonly path?: string | undefined;
  /** A table: the oid of its TOAST table. */
  readonly toast?: number | undefined;
  /** An index: the oid of its table. */
  readonly indexOf?: number | undefined;
  /** A partition: the oid of what it is a part of. */
  readonly partitionOf?: number | undefined;
  /** True: a backup has only its init fork. */
  readonly isUnlogged: boolean;
}

export interface RelationOptions {
  /** Whether the relations of all databases, in `global`, are among them. */
  readonly withShared: boolean;
  readonly pageSize?: number;
}

/** So many relations are in memory at the same time. */
const pageSizeDefault = 5000;

/**
 * Yields the relations in pages, in the order of their oids; none that is temporary. Each page is a statement of its own,
 * so that no snapshot holds back VACUUM for long: a relation that is rewritten meanwhile may be there as it was or as it is.
 * @throws WalvaultError `postgres`
 */
export async function* readRelations(
  connection: PgConnection,
  { withShared, pageSize = pageSizeDefault }: RelationOptions,
): AsyncGenerator<Relation[]> {
  for (let after = 0; ;) {
    const rows = await connection.query<RelationRow>(pageSql, [after, withShared, pageSize]);
    if (rows.length > 0) yield rows.map(relationOf);
    if (rows.length < pageSize) return;
    after = Number(rows.at(-1)?.oid);
  }
}

const kinds: Readonly<Record<string, string>> = {
  r: 'table',
  i: 'index',
  S: 'sequence',
  t: 'toast',
  m: 'materialized view',
  p: 'partitioned table',
  I: 'partitioned index',
};

/** pg_relation_filenode and pg_relation_filepath take no lock, and are null for a relation that is gone (dbsize.c). */
const pageSql = `
  select c.oid::text as oid, n.nspname as schema, c.relname as name, c.relkind as kind,
         c.relpersistence as persistence, pg_relation_filenode(c.oid)::text as filenode,
         pg_relation_filepath(c.oid) as path, nullif(c.reltoastrelid, 0)::text as toast,
         i.indrelid::text as indexof, h.inhparent::text as partitionof
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  left join pg_index i on i.indexrelid = c.oid
  left join pg_inherits h on h.inhrelid = c.oid and c.relispartition
  where c.oid > $1::oid and c.relkind in (${Object.keys(kinds)
    .map(kind => `'${kind}'`)
    .join(', ')})
    and c.relpersistence <> 't' and (not c.relisshared or $2::boolean)
  order by c.oid limit $3::integer`;

interface RelationRow {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly persistence: string;
  readonly filenode: string | null;
  readonly path: string | null;
  readonly toast: string | null;
  readonly indexof: string | null;
  readonly partitionof: string | null;
}

function relationOf(row: RelationRow): Relation {
  return {
    oid: Number(row.oid),
    schema: row.schema,
    name: row.name,
    kind: kinds[row.kind] ?? row.kind,
    filenode: numberOf(row.filenode),
    path: row.path ?? undefined,
    toast: numberOf(row.toast),
    indexOf: numberOf(row.indexof),
    partitionOf: numberOf(row.partitionof),
    isUnlogged: row.persistence === 'u',
  };
}

function numberOf(text: string | null): number | undefined {
  return text === null ? undefined : Number(text);
}
