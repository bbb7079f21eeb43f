/**
 * The name map of a backup: newline-delimited JSON that tells the name of each file of a relation, and what each database
 * held (docs/repository-format.md). The files themselves have only numbers, and the names lie inside them.
 *
 * Nothing that restores needs it. It is for people and tools that look for one table in the parts of a backup.
 */
import type { DatabaseFacts } from '../../postgres/server/database-facts.ts';
import type { Database, NamedTablespace } from '../../postgres/server/databases.ts';
import type { Relation } from '../../postgres/server/relations.ts';

const nameMapFormat = 1;

export function nameMapHeader(backup: string): string {
  return line({ format: nameMapFormat, backup });
}

export function tablespaceLine({ oid, name }: NamedTablespace): string {
  return line({ tablespace: name, oid });
}

/** The line of a database whose relations follow. */
export function databaseLine({ name, oid, tablespace }: Database, facts: DatabaseFacts): string {
  return line({ database: name, oid, tablespace, ...facts });
}

/** The line of a database that was not read, or not to its end. */
export function unreadDatabaseLine({ name, oid, tablespace }: Database, reason: string): string {
  return line({ database: name, oid, tablespace, unread: reason });
}

export function relationLine(relation: Relation): string {
  const { oid, schema, name, kind, filenode, path, toast, indexOf, partitionOf, isUnlogged } = relation;
  return line({
    relation: name,
    schema,
    kind,
    oid,
    filenode,
    path,
    toast,
    indexOf,
    partitionOf,
    ...(isUnlogged && { unlogged: true }),
  });
}

/** The last line: without it the map was cut. */
export function nameMapTrailer(relations: number): string {
  return line({ relations });
}

function line(fields: object): string {
  return `${JSON.stringify(fields)}\n`;
}
