/** The two calls around a base backup, which must come from one session that stays open in between. */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { PgConnection } from './connection.ts';
import { parseLsn, type Lsn } from '../wal/lsn.ts';

export interface StartedBackup {
  startLsn: Lsn;
  /** The label that stopBackup returns is the last word on it when the server is a standby. */
  timeline: number;
  isStandby: boolean;
  /** The server's clock, microseconds since 1970. */
  startTimeMicros: bigint;
}

export interface StoppedBackup {
  stopLsn: Lsn;
  /** A standby may have followed its primary to a later timeline since the start. */
  stopTimeline: number;
  /** To be stored as `backup_label`. */
  labelFile: string;
  /** To be stored as `tablespace_map`; undefined when there are no tablespaces outside the data directory. */
  tablespaceMap: string | undefined;
  stopTimeMicros: bigint;
}

/** pg_backup_start replaced pg_start_backup in 15. */
const firstWithNewNames = 150_000;

/**
 * Waits for a checkpoint: at once with `fast`, else spread over as long as checkpoint_completion_target says. The
 * backup ends with the session, so a lost connection leaves nothing behind on the server.
 * @throws WalvaultError `postgres`
 */
export async function startBackup(
  connection: PgConnection,
  options: { label: string; fast: boolean },
): Promise<StartedBackup> {
  const isStandby = await isInRecovery(connection);
  const call =
    connection.serverVersion >= firstWithNewNames
      ? 'pg_backup_start($1, $2::boolean)'
      : 'pg_start_backup($1, $2::boolean, false)';
  const started = await one<{ lsn: string }>(connection, `select ${call}::text as lsn`, [
    options.label,
    String(options.fast),
  ]);
  const startLsn = parseLsn(started.lsn);
  const { timeline, micros } = await one<{ timeline: string; micros: string }>(
    connection,
    `select timeline_id as timeline, ${clockMicros} as micros from pg_control_checkpoint()`,
  );
  return { startLsn, timeline: Number(timeline), isStandby, startTimeMicros: BigInt(micros) };
}

/**
 * Does not wait for archiving: whoever calls knows better where the WAL must arrive.
 * @throws WalvaultError `postgres`, also when the standby was promoted in between
 */
export async function stopBackup(connection: PgConnection): Promise<StoppedBackup> {
  const call =
    connection.serverVersion >= firstWithNewNames ? 'pg_backup_stop(false)' : 'pg_stop_backup(false, false)';
  const stopped = await one<{ lsn: string; labelfile: string; spcmapfile: string | null }>(
    connection,
    `select lsn::text, labelfile, spcmapfile from ${call}`,
  );
  const timeline = await currentTimeline(connection);
  const { micros } = await one<{ micros: string }>(connection, `select ${clockMicros} as micros`);
  return {
    stopLsn: parseLsn(stopped.lsn),
    stopTimeline: timeline,
    labelFile: stopped.labelfile,
    tablespaceMap: stopped.spcmapfile || undefined,
    stopTimeMicros: BigInt(micros),
  };
}

export async function isInRecovery(connection: PgConnection): Promise<boolean> {
  return (
    (await one<{ standby: string }>(connection, 'select pg_is_in_recovery() as standby')).standby === 't'
  );
}

/** The timeline being written, or on a standby the one replayed up to its minimum recovery point. */
export async function currentTimeline(connection: PgConnection): Promise<number> {
  const sql = (await isInRecovery(connection))
    ? 'select greatest(r.min_recovery_end_timeline, c.timeline_id) as timeline from pg_control_recovery() r, pg_control_checkpoint() c'
    : `select ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint as timeline`;
  return Number((await one<{ timeline: string }>(connection, sql)).timeline);
}

const clockMicros = '(extract(epoch from clock_timestamp())::numeric * 1000000)::bigint';

export async function one<T extends object>(
  connection: PgConnection,
  sql: string,
  params?: readonly unknown[],
): Promise<T> {
  const [row] = await connection.query<T>(sql, params);
  if (row === undefined) throw new WalvaultError('postgres', 'postgres: a query that has one row gave none');
  return row;
}
