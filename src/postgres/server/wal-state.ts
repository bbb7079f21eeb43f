/** What walvault needs to know of a running server: its identity, its archiving settings, where its WAL stands. */
import { currentTimeline, isInRecovery, one } from './backup-control.ts';
import type { PgConnection } from './connection.ts';
import { lastSegmentBefore, segmentName, segmentNumberOfLsn } from '../wal/file-name.ts';
import { parseLsn, type Lsn } from '../wal/lsn.ts';

export interface WalState {
  systemId: bigint;
  isStandby: boolean;
  timeline: number;
  /** Primary: where the next record goes. Standby: the end of what has been replayed. */
  lsn: Lsn;
  /** The segment that `lsn` lies in. */
  currentSegment: string;
  segmentSizeBytes: number;
  blockSizeBytes: number;
  dataChecksums: boolean;
  walLevel: string;
  fullPageWrites: boolean;
  archiveMode: 'off' | 'on' | 'always';
  archiveCommand: string;
  /** PostgreSQL 15+; empty otherwise. It takes precedence over the command. */
  archiveLibrary: string;
  archiveTimeoutSeconds: number;
  /** 17+. */
  summarizeWal: boolean;
  /** Undefined when the user may not see them (they need pg_read_all_settings). */
  dataDirectory: string | undefined;
  configFile: string | undefined;
  hbaFile: string | undefined;
  identFile: string | undefined;
}

const settingNames = [
  'wal_segment_size', 'block_size', 'data_checksums', 'wal_level', 'full_page_writes', 'archive_mode',
  'archive_command', 'archive_library', 'archive_timeout', 'summarize_wal', 'data_directory', 'config_file',
  'hba_file', 'ident_file',
]; // prettier-ignore

/** @throws WalvaultError `postgres` */
export async function currentWalState(connection: PgConnection): Promise<WalState> {
  const rows = await connection.query<{ name: string; setting: string }>(
    'select name, setting from pg_settings where name = any($1)',
    [settingNames],
  );
  const settings = new Map(rows.map(row => [row.name, row.setting]));
  const isStandby = await isInRecovery(connection);
  const position = isStandby ? 'pg_last_wal_replay_lsn()' : 'pg_current_wal_insert_lsn()';
  const state = await one<{ lsn: string; system: string }>(
    connection,
    `select coalesce(${position}, '0/0')::text as lsn, system_identifier::text as system from pg_control_system()`,
  );
  const timeline = await currentTimeline(connection);
  const lsn = parseLsn(state.lsn);
  const segmentSizeBytes = Number(settings.get('wal_segment_size'));
  return {
    systemId: BigInt.asUintN(64, BigInt(state.system)),
    isStandby,
    timeline,
    lsn,
    currentSegment: segmentName(timeline, segmentNumberOfLsn(lsn, segmentSizeBytes), segmentSizeBytes),
    segmentSizeBytes,
    blockSizeBytes: Number(settings.get('block_size')),
    dataChecksums: settings.get('data_checksums') === 'on',
    walLevel: settings.get('wal_level') ?? '',
    fullPageWrites: settings.get('full_page_writes') === 'on',
    archiveMode: (settings.get('archive_mode') ?? 'off') as WalState['archiveMode'],
    archiveCommand: settings.get('archive_command') ?? '',
    archiveLibrary: settings.get('archive_library') ?? '',
    archiveTimeoutSeconds: Number(settings.get('archive_timeout') ?? 0),
    summarizeWal: settings.get('summarize_wal') === 'on',
    dataDirectory: settings.get('data_directory'),
    configFile: settings.get('config_file'),
    hbaFile: settings.get('hba_file'),
    identFile: settings.get('ident_file'),
  };
}

/**
 * Ends the current segment and names it: it is archived next. A restore point goes first, because a switch right
 * after a switch does nothing. Primary only.
 * @throws WalvaultError `postgres`
 */
export async function switchWal(
  connection: PgConnection,
  restorePointName: string,
): Promise<{ lsn: Lsn; segment: string }> {
  const { segmentSizeBytes, timeline } = await currentWalState(connection);
  await connection.query('select pg_create_restore_point($1)', [restorePointName]);
  const { lsn: text } = await one<{ lsn: string }>(connection, 'select pg_switch_wal()::text as lsn');
  const lsn = parseLsn(text);
  return { lsn, segment: segmentName(timeline, lastSegmentBefore(lsn, segmentSizeBytes), segmentSizeBytes) };
}
