/** The state of a running server: its identity, its archiving settings, and the position of its WAL. */
import type { PgConnection } from './connection.ts';
import { queryOne } from './query.ts';
import { WalGeometry } from '../wal/geometry.ts';
import { parseLsn, type Lsn } from '../wal/lsn.ts';

/** PostgreSQL 13, as server_version_num has it. */
export const oldestServerVersion = 130_000;

export interface ServerState {
  readonly systemId: bigint;
  readonly isStandby: boolean;
  readonly timeline: number;
  readonly geometry: WalGeometry;
  readonly port: number;
  readonly walLevel: string;
  readonly fullPageWrites: boolean;
  readonly archiveMode: 'off' | 'on' | 'always';
  /** Empty if it is not set. */
  readonly archiveCommand: string;
  /** PostgreSQL 15+; empty otherwise. A library takes precedence over the command. */
  readonly archiveLibrary: string;
  readonly archiveTimeoutSeconds: number;
  /** False also while checksums are being turned on or off (`inprogress-on`, `inprogress-off` in 19's betas). */
  readonly dataChecksums: boolean;
  /** Undefined when the user may not see it (it needs pg_read_all_settings). */
  readonly dataDirectory: string | undefined;
  /** Absolute paths of the three main configuration files and all included ones, as far as the user may see them. */
  readonly configurationFiles: readonly string[];
  /** False when the user may not see where they are (it needs pg_read_all_settings): then the list is empty. */
  readonly showsConfigurationFiles: boolean;
}

const settingNames = [
  'wal_segment_size', 'port', 'wal_level', 'full_page_writes', 'archive_mode', 'archive_command', 'archive_library',
  'archive_timeout', 'data_checksums', 'data_directory', 'config_file', 'hba_file', 'ident_file',
]; // prettier-ignore

/** @throws WalvaultError `postgres` */
export async function readServerState(connection: PgConnection): Promise<ServerState> {
  const rows = await connection.query<{ name: string; setting: string; file: string | null }>(
    'select name, setting, sourcefile as file from pg_settings where name = any($1) or sourcefile is not null',
    [settingNames],
  );
  const settings = new Map(rows.map(({ name, setting }) => [name, setting]));
  const mainFiles = ['config_file', 'hba_file', 'ident_file'].map(name => settings.get(name));
  const files = [...mainFiles, ...rows.map(({ file }) => file)].flatMap(file =>
    file?.startsWith('/') === true ? [file] : [],
  );
  const { system } = await queryOne<{ system: string }>(
    connection,
    'select system_identifier::text as system from pg_control_system()',
  );
  const isStandby = await isServerInRecovery(connection);
  const archiveCommand = settings.get('archive_command') ?? '';
  return {
    systemId: BigInt.asUintN(64, BigInt(system)),
    isStandby,
    timeline: await currentTimeline(connection, isStandby),
    geometry: new WalGeometry(Number(settings.get('wal_segment_size'))),
    port: Number(settings.get('port')),
    walLevel: settings.get('wal_level') ?? '',
    fullPageWrites: settings.get('full_page_writes') === 'on',
    archiveMode: (settings.get('archive_mode') ?? 'off') as ServerState['archiveMode'],
    // The server shows this while archive_mode is off (show_archive_command in xlog.c).
    archiveCommand: archiveCommand === '(disabled)' ? '' : archiveCommand,
    archiveLibrary: settings.get('archive_library') ?? '',
    archiveTimeoutSeconds: Number(settings.get('archive_timeout') ?? 0),
    dataChecksums: settings.get('data_checksums') === 'on',
    dataDirectory: settings.get('data_directory'),
    configurationFiles: [...new Set(files)],
    showsConfigurationFiles: settings.has('config_file'),
  };
}

export async function isServerInRecovery(connection: PgConnection): Promise<boolean> {
  const sql = 'select pg_is_in_recovery() as standby';
  return (await queryOne<{ standby: string }>(connection, sql)).standby === 't';
}

/** The timeline that the server writes; on a standby, the one that it has replayed up to its minimum recovery point. */
export async function currentTimeline(connection: PgConnection, isStandby: boolean): Promise<number> {
  const sql = isStandby
    ? 'select greatest(r.min_recovery_end_timeline, c.timeline_id) as timeline from pg_control_recovery() r, pg_control_checkpoint() c'
    : `select ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint as timeline`;
  return Number((await queryOne<{ timeline: string }>(connection, sql)).timeline);
}

/** False once checksums are being turned off: pages may get wrong ones from then on. */
export async function hasDataChecksums(connection: Pick<PgConnection, 'query'>): Promise<boolean> {
  const sql = `select current_setting('data_checksums') as checksums`;
  return (await queryOne<{ checksums: string }>(connection, sql)).checksums === 'on';
}

/** The position of the next record; on a standby, the end of the received WAL. No page of the server is newer. */
export async function newestLsn(connection: Pick<PgConnection, 'query'>, isStandby: boolean): Promise<Lsn> {
  const position = isStandby
    ? 'greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())'
    : 'pg_current_wal_insert_lsn()';
  return parseLsn((await queryOne<{ lsn: string }>(connection, `select ${position}::text as lsn`)).lsn);
}

/**
 * Ends the current segment and returns its name; it is archived next. A restore point is written first, because a
 * switch right after a switch does nothing. Primary only.
 * @throws WalvaultError `postgres`
 */
export async function switchWal(
  connection: PgConnection,
  { geometry, timeline }: Pick<ServerState, 'geometry' | 'timeline'>,
  restorePointName: string,
): Promise<string> {
  await connection.query('select pg_create_restore_point($1)', [restorePointName]);
  const { lsn } = await queryOne<{ lsn: string }>(connection, 'select pg_switch_wal()::text as lsn');
  return geometry.nameOf(timeline, geometry.lastSegmentBefore(parseLsn(lsn)));
}
