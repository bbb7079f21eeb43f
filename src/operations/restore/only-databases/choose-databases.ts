/** Which databases of a backup are restored, and which are left out, by their names. Pure. */
import { basename } from 'node:path';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { databaseOf } from '../../../postgres/cluster/database-path.ts';
import type { NamedDatabase } from '../../../repository/format/name-map.ts';

export interface ChosenDatabases {
  /** Those that were asked for, and the system's. */
  readonly restored: readonly NamedDatabase[];
  /** Their places are kept by placeholders: the catalogues of the cluster name them, and its WAL changes them. */
  readonly leftOut: readonly NamedDatabase[];
}

/** initdb makes them, programs connect to them, and new databases are copied from the templates. */
const systemDatabases: ReadonlySet<string> = new Set(['template0', 'template1', 'postgres']);
/** A server may have thousands. */
const shownNames = 50;

/**
 * @param names as they were asked for
 * @param known the databases that the backup's name map has
 * @throws WalvaultError `not-found` for a name that the backup does not know
 */
export function chooseDatabases(
  names: readonly string[],
  { backup, known }: { readonly backup: string; readonly known: readonly NamedDatabase[] },
): ChosenDatabases {
  const unknown = names.find(name => !known.some(database => database.name === name));
  if (unknown !== undefined)
    throw new WalvaultError('not-found', `backup ${backup} has no database "${unknown}"`, {
      hint: `It has ${listed(known)}. It does not know a database that was made or renamed later: restore a later backup, the database by the name that it had, or all databases.`,
    });
  const sorted = known.toSorted((a, b) => a.oid - b.oid);
  const isRestored = ({ name }: NamedDatabase) => names.includes(name) || systemDatabases.has(name);
  return {
    restored: sorted.filter(isRestored),
    leftOut: sorted.filter(database => !isRestored(database)),
  };
}

function listed(databases: readonly NamedDatabase[]): string {
  const names = databases
    .toSorted((a, b) => a.oid - b.oid)
    .slice(0, shownNames)
    .map(({ name }) => name)
    .join(', ');
  return databases.length > shownNames ? `${names} and ${databases.length - shownNames} more` : names;
}

/**
 * A predicate on paths of a manifest: true for every file of a database that is not restored, but for its `PG_VERSION`, without which
 * the server takes the directory for damaged. What the name map does not know was made or dropped while the backup
 * ran; WAL makes it or drops it again.
 */
export function isLeftOutBy({ restored }: ChosenDatabases): (path: string) => boolean {
  const oids = new Set(restored.map(({ oid }) => oid));
  return path => {
    const oid = databaseOf(path);
    return oid !== undefined && !oids.has(oid) && basename(path) !== 'PG_VERSION';
  };
}
