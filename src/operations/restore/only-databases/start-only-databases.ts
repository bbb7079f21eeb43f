/**
 * `restore --database --start`: recovers the copy where nobody can reach it, proves that no page of a restored database was missing,
 * closes the placeholders, and then starts the server as its configuration says.
 */
import { WalvaultError } from '../../../base/errors/errors.ts';
import type { NamedDatabase } from '../../../repository/format/name-map.ts';
import { startRestored, type StartedServer, type StartRestored } from '../start/start-restored.ts';
import type { ChosenDatabases } from './choose-databases.ts';
import { closePlaceholders } from './close-placeholders.ts';
import {
  emptyRelationMaps,
  findPlaceholders,
  removePrepared,
  type FoundDatabases,
} from './find-placeholders.ts';
import { readInvalidPages, type InvalidPages } from './invalid-pages.ts';
import { recoverAlone } from './recover-alone.ts';

export interface StartOnlyDatabases extends StartRestored {
  readonly databases: ChosenDatabases;
}

export interface ServerWithPlaceholders extends StartedServer {
  /** The databases without their data, by the names that they have now. */
  readonly placeholders: readonly NamedDatabase[];
}

/**
 * @throws WalvaultError `damaged` if pages of a restored database were missing, `postgres` if a server ends too early. No server runs
 *   then, unless the signal ended the wait for the second start
 */
export async function startOnlyDatabases({
  databases,
  ...options
}: StartOnlyDatabases): Promise<ServerWithPlaceholders> {
  const { dataDirectory, log } = options;
  const { logPath, lsn, time, timeline } = await recoverAlone(options);
  const found = await findPlaceholders(dataDirectory);
  const pages = await readInvalidPages(logPath, mayLackPages(databases, found));
  if (pages.unexpected > 0) throw untrusted(pages, options);
  await emptyRelationMaps(found);
  const removedPrepared = await removePrepared(dataDirectory, found);
  const closed = await closePlaceholders(found.placeholders, options, sessionDatabases(databases));
  const { placeholders, removedSubscriptions } = closed;
  log.emit({
    kind: 'placeholders-closed',
    count: placeholders.length,
    ignoredPages: pages.expected,
    removedPrepared,
    removedSubscriptions,
  });
  const server = await startRestored(options);
  return { ...server, lsn, time, timeline, placeholders };
}

/**
 * Whether pages of this database may be missing: of a placeholder, of a copy of one, and of one that was dropped before the target. Pure.
 */
export function mayLackPages(
  { restored }: ChosenDatabases,
  { existing, placeholders }: Pick<FoundDatabases, 'existing' | 'placeholders'>,
): (database: number) => boolean {
  const isRestored = new Set(restored.map(({ oid }) => oid));
  return oid => placeholders.has(oid) || (!existing.has(oid) && !isRestored.has(oid));
}

function sessionDatabases({ restored }: ChosenDatabases): string[] {
  return ['template1', 'postgres', ...restored.map(({ name }) => name)];
}

function untrusted({ unexpected, named }: InvalidPages, { dataDirectory }: StartRestored): WalvaultError {
  const pages = named.map(({ page, relation }) => `page ${page} of ${relation}`).join(', ');
  return new WalvaultError(
    'damaged',
    `the restored copy lacks pages that its WAL changes, outside the databases that were left out: ${pages}${unexpected > named.length ? `, ${unexpected - named.length} more` : ''}`,
    {
      hint: `Do not trust ${dataDirectory}; its server is stopped. Restore another backup, and have \`walvault verify --read-data\` look at this one.`,
    },
  );
}
