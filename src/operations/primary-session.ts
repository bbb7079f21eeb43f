/** Short sessions with the primary of a standby: it alone can end a segment of WAL, and archives it. */
import type { Config } from '../config/index.ts';
import { WalvaultError } from '../base/errors/errors.ts';
import { startDeadline } from '../base/time/deadline.ts';
import { connectPostgres, type PgConnection } from '../postgres/server/connection.ts';
import { newestLsn, readServerState, switchWal, type ServerState } from '../postgres/server/state.ts';
import type { Lsn } from '../postgres/wal/lsn.ts';
import type { WalRange } from '../repository/format/backup-record.ts';
import { requireArchiving } from './require-archiving.ts';

export interface PrimaryOptions {
  readonly config: Pick<Config, 'postgres'>;
  readonly system: { readonly systemId: bigint };
  readonly env: NodeJS.ProcessEnv;
  /** For the whole session; a minute by default. */
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
}

/** What is asked of a primary takes it no time. */
const timeoutMsDefault = 60_000;

export interface Primary {
  readonly connection: PgConnection;
  readonly state: ServerState;
}

/**
 * Does the work in a session of its own: one that lasted as long as a backup could be lost meanwhile.
 * @throws WalvaultError `postgres` for a server that cannot be reached or does not archive, `refused` for another server,
 *   `unreachable` for one that does not answer
 */
export async function withPrimary<T>(
  options: PrimaryOptions,
  work: (primary: Primary) => Promise<T>,
): Promise<T> {
  const { system, timeoutMs = timeoutMsDefault } = options;
  const deadline = startDeadline(timeoutMs, 'asking the primary', options.signal);
  try {
    const connection = await connectToPrimary({ ...options, signal: deadline.signal });
    try {
      const state = await readServerState(connection);
      requirePrimary(state, system.systemId);
      requireArchiving(state);
      return await work({ connection, state });
    } finally {
      await connection.close();
    }
  } finally {
    deadline.clear();
  }
}

function connectToPrimary({ config, env, signal }: PrimaryOptions): Promise<PgConnection> {
  const connectionString = config.postgres.primaryConnection;
  return connectPostgres({ connectionString, applicationName: 'walvault', env, signal });
}

function requirePrimary(state: ServerState, systemId: bigint): void {
  const refuse = (message: string) =>
    new WalvaultError('refused', `postgres.primary-connection: ${message}`, {
      hint: 'It must name the server that this standby follows, at its present address.',
    });
  if (state.systemId !== systemId)
    throw refuse(`the server is of system ${state.systemId}, this standby of system ${systemId}`);
  if (state.isStandby) throw refuse('the server is a standby itself');
}

/** Ends the current segment, and says where it lies. @throws WalvaultError `postgres` */
export async function endCurrentSegment({ connection, state }: Primary, why: string): Promise<WalRange> {
  const { geometry, timeline } = state;
  const name = await switchWal(connection, state, why);
  const segment = geometry.rangeOfNames(name, name)?.first;
  if (segment === undefined)
    throw new WalvaultError('postgres', `postgres: ${name} is not the name of a segment`);
  return { timeline, startLsn: geometry.startLsn(segment), endLsn: geometry.endLsn(segment) };
}

/** True if the primary still writes the segment that ends with this position. */
export async function isBeingWritten(
  { connection, state: { geometry } }: Primary,
  end: Lsn,
): Promise<boolean> {
  return geometry.segmentOf(await newestLsn(connection, false)) <= geometry.lastSegmentBefore(end);
}
