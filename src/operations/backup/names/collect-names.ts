/** The lines of a name map, collected from every database of the server that the backup is taken from. */
import type { Config } from '../../../config/index.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { startDeadline } from '../../../base/time/deadline.ts';
import { connectPostgres, type PgConnection } from '../../../postgres/server/connection.ts';
import { readDatabaseFacts } from '../../../postgres/server/database-facts.ts';
import {
  readDatabases,
  readTablespaces,
  serverStart,
  type Database,
} from '../../../postgres/server/databases.ts';
import { readRelations } from '../../../postgres/server/relations.ts';
import {
  databaseLine,
  nameMapHeader,
  nameMapTrailer,
  relationLine,
  tablespaceLine,
  unreadDatabaseLine,
} from '../../../repository/format/name-map.ts';

export interface CollectNamesOptions {
  readonly id: string;
  readonly config: Pick<Config, 'postgres'>;
  /** The session of the backup. */
  readonly connection: PgConnection;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

export interface UnreadDatabase {
  readonly database: string;
  readonly problem: string;
}

/** Receives lines. */
interface Lines {
  append(line: string): Promise<void>;
}

const databaseTimeoutMs = 2 * 60_000;
const allTimeoutMs = 15 * 60_000;

/**
 * Appends the whole map. Memory holds one page of relations, and the list of databases.
 * @returns the databases that could not be read, though they take connections
 * @throws WalvaultError when the backup's own session is lost, or the lines cannot be kept
 */
export async function collectNames(lines: Lines, options: CollectNamesOptions): Promise<UnreadDatabase[]> {
  const { id, connection, signal } = options;
  await lines.append(nameMapHeader(id));
  for (const tablespace of await readTablespaces(connection)) await lines.append(tablespaceLine(tablespace));
  const start = await serverStart(connection);
  const unread: UnreadDatabase[] = [];
  const written = { relations: 0 };
  let isSharedKnown = false;
  const all = startDeadline(allTimeoutMs, 'reading the names of all databases', signal);
  try {
    for (const database of await readDatabases(connection)) {
      if (database.closed !== undefined) {
        await lines.append(unreadDatabaseLine(database, database.closed));
        continue;
      }
      const withShared = !isSharedKnown;
      const reading = { ...options, lines, written, database, start, withShared, signal: all.signal };
      const problem = await problemOf(signal, () => collectDatabase(reading));
      isSharedKnown ||= problem === undefined;
      if (problem === undefined) continue;
      unread.push({ database: database.name, problem });
      await lines.append(unreadDatabaseLine(database, problem));
    }
  } finally {
    all.clear();
  }
  await lines.append(nameMapTrailer(written.relations));
  return unread;
}

interface DatabaseReading extends CollectNamesOptions {
  readonly lines: Lines;
  /** The number of lines of relations in the map so far. */
  readonly written: { relations: number };
  readonly database: Database;
  /** Of the server that the backup is taken from. */
  readonly start: string;
  readonly withShared: boolean;
}

async function collectDatabase(reading: DatabaseReading): Promise<void> {
  const { lines, written, database, withShared } = reading;
  const what = `reading the names of database "${database.name}"`;
  const deadline = startDeadline(databaseTimeoutMs, what, reading.signal);
  try {
    const session = await openSession({ ...reading, signal: deadline.signal });
    try {
      await lines.append(databaseLine(database, await readDatabaseFacts(session)));
      for await (const relations of readRelations(session, { withShared })) {
        for (const relation of relations) await lines.append(relationLine(relation));
        written.relations += relations.length;
      }
    } finally {
      await session.close();
    }
  } finally {
    deadline.clear();
  }
}

/** A connection string can name several servers, and the backup's own may have become unreachable meanwhile. */
async function openSession({ config, env, database, start, signal }: DatabaseReading): Promise<PgConnection> {
  const session = await connectPostgres({
    connectionString: config.postgres.connection,
    database: database.name,
    applicationName: 'walvault backup',
    env,
    signal,
  });
  try {
    if ((await serverStart(session)) !== start)
      throw new WalvaultError('postgres', 'the connection led to another server');
    await session.query(limitsSql);
    return session;
  } catch (error) {
    await session.close();
    throw error;
  }
}

/**
 * Nothing here waits for a lock for long. Where the encoding is unknown (SQL_ASCII), names go out as they are: the server
 * would refuse to send what is not UTF-8.
 */
const limitsSql = `
  select set_config('statement_timeout', '60s', false), set_config('lock_timeout', '5s', false),
         set_config('default_transaction_read_only', 'on', false),
         case getdatabaseencoding() when 'SQL_ASCII' then set_config('client_encoding', 'SQL_ASCII', false) end`;

const failures: readonly string[] = ['postgres', 'unreachable', 'config'];

/** Why the server or the way to it failed; undefined if they did not. Every other failure is one of the backup. */
async function problemOf(signal: AbortSignal, work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof WalvaultError && failures.includes(error.code)) return error.message;
    throw error;
  }
}
