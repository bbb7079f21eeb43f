/**
 * The name map of a backup: newline-delimited JSON that tells the name of each file of a relation, and what each database
 * held (docs/repository-format.md). The files themselves have only numbers, and the names lie inside them.
 *
 * It is for people and tools that look for one table in the parts of a backup, and for a restore of some databases only.
 */
import { countBounds } from '../../base/bounds.ts';
import { readLines } from '../../base/bytes/lines.ts';
import type { ByteStream } from '../../base/bytes/streams.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import type { DatabaseFacts } from '../../postgres/server/database-facts.ts';
import type { Database, NamedTablespace } from '../../postgres/server/databases.ts';
import type { Relation } from '../../postgres/server/relations.ts';
import { parseFields } from './fields.ts';

const nameMapFormat = 1;
const sourceName = 'name map';

export interface NamedDatabase {
  readonly oid: number;
  readonly name: string;
}

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

/**
 * Reads the map to its end.
 * @returns its databases in the order of the map, also those whose relations could not be read
 * @throws WalvaultError `damaged`
 */
export async function readNameMapDatabases(source: ByteStream, backupId: string): Promise<NamedDatabase[]> {
  // A database that could not be read to its end has two lines.
  const databases = new Map<number, NamedDatabase>();
  let isHeaderSeen = false;
  let isEnded = false;
  let relationCount = 0;
  for await (const text of readLines(source, sourceName)) {
    if (isEnded) throw damaged('lines after its trailer');
    const fields = parseFields(text, `a line of the ${sourceName}`);
    if (!isHeaderSeen) {
      if (!fields.is('format', nameMapFormat) || !fields.is('backup', backupId))
        throw damaged(`is not the map of ${backupId}`);
      isHeaderSeen = true;
    } else if (fields.has('relation')) relationCount++;
    else if (fields.has('database')) {
      const oid = fields.number('oid');
      databases.set(oid, { oid, name: fields.matching('database', namePattern) });
      if (databases.size > countBounds.databases.limit) throw damaged('has too many databases');
    } else if (fields.has('relations')) {
      if (!fields.is('relations', relationCount))
        throw damaged(`holds ${relationCount} relations, its trailer says ${fields.shown('relations')}`);
      isEnded = true;
    } else if (!fields.has('tablespace')) throw damaged('has a line of no known kind');
  }
  if (!isEnded) throw damaged('ends before its trailer');
  return [...databases.values()];
}

/** Up to NAMEDATALEN - 1 bytes, which is 63 unless a server was built otherwise. */
const namePattern = /^[^\0]{1,1000}$/;

function damaged(what: string): WalvaultError {
  return new WalvaultError('damaged', `${sourceName} ${what}`);
}

function line(fields: object): string {
  return `${JSON.stringify(fields)}\n`;
}
