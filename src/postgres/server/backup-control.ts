/** The two calls around a base backup. They must come from one session that stays open in between. */
import type { PgConnection } from './connection.ts';
import { queryOne } from './query.ts';
import { currentTimeline, isServerInRecovery } from './state.ts';
import { parseLsn, type Lsn } from '../wal/lsn.ts';

export interface StartedBackup {
  startLsn: Lsn;
  /** The timeline at the start. For a standby, only the label that stopBackup returns is certain. */
  timeline: number;
  isStandby: boolean;
  /** The server's clock, microseconds since 1970. */
  startTimeMicros: bigint;
}

export interface StoppedBackup {
  stopLsn: Lsn;
  /** A standby may have followed its primary to a later timeline since the start. */
  stopTimeline: number;
  /** The text to store as `backup_label`. */
  labelFile: string;
  /** The text to store as `tablespace_map`; undefined without tablespaces outside the data directory. */
  tablespaceMap: string | undefined;
  stopTimeMicros: bigint;
}

/** pg_backup_start replaced pg_start_backup in 15. */
export const firstWithNewNames = 150_000;

/**
 * Starts a backup and waits for its checkpoint: an immediate one with `fast`, else one spread as
 * checkpoint_completion_target says. The backup ends with the session, so a lost connection leaves nothing on the
 * server.
 * @throws WalvaultError `postgres`
 */
export async function startBackup(
  connection: PgConnection,
  options: { label: string; fast: boolean },
): Promise<StartedBackup> {
  const isStandby = await isServerInRecovery(connection);
  const call =
    connection.serverVersion >= firstWithNewNames
      ? 'pg_backup_start($1, $2::boolean)'
      : 'pg_start_backup($1, $2::boolean, false)';
  const started = await queryOne<{ lsn: string }>(connection, `select ${call}::text as lsn`, [
    options.label,
    String(options.fast),
  ]);
  const startLsn = parseLsn(started.lsn);
  const { timeline, micros } = await queryOne<{ timeline: string; micros: string }>(
    connection,
    `select timeline_id as timeline, ${clockMicros} as micros from pg_control_checkpoint()`,
  );
  return { startLsn, timeline: Number(timeline), isStandby, startTimeMicros: BigInt(micros) };
}

/** How long the server spreads a checkpoint over time, at most (checkpointer.c, IsCheckpointOnSchedule). */
export async function spreadCheckpointMs(connection: PgConnection): Promise<number> {
  const { ms } = await queryOne<{ ms: string }>(
    connection,
    `select (1000 * current_setting('checkpoint_completion_target')::float8
       * extract(epoch from current_setting('checkpoint_timeout')::interval))::bigint as ms`,
  );
  return Number(ms);
}

/**
 * Ends the backup. Does not wait for archiving, because the caller knows where the WAL must arrive.
 * @throws WalvaultError `postgres`, also when the standby was promoted in between
 */
export async function stopBackup(connection: PgConnection): Promise<StoppedBackup> {
  const call =
    connection.serverVersion >= firstWithNewNames ? 'pg_backup_stop(false)' : 'pg_stop_backup(false, false)';
  const stopped = await queryOne<{ lsn: string; labelfile: string; spcmapfile: string | null }>(
    connection,
    `select lsn::text, labelfile, spcmapfile from ${call}`,
  );
  const timeline = await currentTimeline(connection, await isServerInRecovery(connection));
  const { micros } = await queryOne<{ micros: string }>(connection, `select ${clockMicros} as micros`);
  return {
    stopLsn: parseLsn(stopped.lsn),
    stopTimeline: timeline,
    labelFile: stopped.labelfile,
    tablespaceMap: stopped.spcmapfile || undefined,
    stopTimeMicros: BigInt(micros),
  };
}

const clockMicros = '(extract(epoch from clock_timestamp())::numeric * 1000000)::bigint';
