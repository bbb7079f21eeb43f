/** The check of the server: reachable, configured to archive with this configuration, and running on this host. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { startDeadline } from '../../base/time/deadline.ts';
import { messageOf, systemCode } from '../../base/errors/errors.ts';
import { controlFilePath, readControlFile } from '../../postgres/cluster/control-file.ts';
import { requireReadable } from '../../postgres/cluster/readable.ts';
import { readArchiver } from '../../postgres/server/archiver.ts';
import { connectPostgres, type PgConnection } from '../../postgres/server/connection.ts';
import { oldestServerVersion, readServerState, type ServerState } from '../../postgres/server/state.ts';
import { readRights, type RoleRights } from '../../postgres/server/rights.ts';
import type { CheckOptions } from './options.ts';
import { judgeRights } from './role-rights.ts';
import { judgeSettings } from './server-settings.ts';
import { failure, ok, skipped, warning, type Checklist, type Finding } from './checklist.ts';

const link = 'postgresql';
/** The time limit for the connection alone: a reachable server answers at once. */
const connectTimeoutMs = 15_000;

export interface CheckedServer {
  readonly connection: PgConnection;
  readonly state: ServerState;
  readonly dataDirectory: string | undefined;
  /** False if a fault keeps every segment from arriving. */
  readonly canArchive: boolean;
  /** False if the role may not end a segment. */
  readonly canEndSegment: boolean;
}

export async function checkPostgres(
  list: Checklist,
  options: CheckOptions,
): Promise<CheckedServer | undefined> {
  const { config, signal } = options;
  let connection: PgConnection | undefined;
  let state: ServerState | undefined;
  await list.prove(link, 'connecting', {
    signal,
    async work() {
      connection = await connect(options);
      state = await readServerState(connection);
      return connectionFinding(connection, state);
    },
  });
  if (connection === undefined || state === undefined) {
    await connection?.close();
    return undefined;
  }
  const findings = judgeSettings(state, options.configPath);
  for (const finding of findings) list.add(link, finding);
  const open = connection;
  const rights = await provenRights(list, open, options);
  await list.prove(link, 'archiver', { signal, work: () => archiverFinding(open) });
  const dataDirectory = config.dataDirectory ?? state.dataDirectory;
  const { systemId } = state;
  await list.prove(link, 'data directory', {
    signal,
    work: () => directoryFindings(dataDirectory, systemId, signal),
  });
  const canArchive = findings.every(({ status }) => status !== 'fail');
  return { connection, state, dataDirectory, canArchive, canEndSegment: rights?.canEndSegment === true };
}

/** Undefined if the server did not tell. */
async function provenRights(
  list: Checklist,
  connection: PgConnection,
  { config, signal }: CheckOptions,
): Promise<{ readonly canEndSegment: boolean } | undefined> {
  let rights: RoleRights | undefined;
  await list.prove(link, 'rights', {
    signal,
    async work() {
      rights = await readRights(connection);
      const { nameMap } = config.backup;
      const missing = rights.missing.filter(({ neededFor }) => nameMap || neededFor !== 'names');
      return judgeRights({ ...rights, missing, isDirectoryConfigured: config.dataDirectory !== undefined });
    },
  });
  return rights && { canEndSegment: rights.missing.every(({ neededFor }) => neededFor !== 'segment') };
}

async function connect({ config, env, signal }: CheckOptions): Promise<PgConnection> {
  const deadline = startDeadline(connectTimeoutMs, 'connecting to PostgreSQL', signal);
  try {
    await (await open(deadline.signal)).close();
  } finally {
    deadline.clear();
  }
  return await open(signal);

  function open(until: AbortSignal): Promise<PgConnection> {
    const { connection } = config.postgres;
    return connectPostgres({
      ...(connection && { connectionString: connection }),
      applicationName: 'walvault check',
      signal: until,
      env,
    });
  }
}

function connectionFinding(
  { serverVersion }: PgConnection,
  { systemId, isStandby, timeline }: ServerState,
): Finding {
  const version = `${Math.floor(serverVersion / 10_000)}.${serverVersion % 10_000}`;
  return serverVersion < oldestServerVersion
    ? failure(`PostgreSQL ${version} is older than 13`)
    : ok(
        `connected to PostgreSQL ${version}, a ${isStandby ? 'standby' : 'primary'} of system ${systemId} on timeline ${timeline}`,
      );
}

async function archiverFinding(connection: PgConnection): Promise<Finding> {
  const { archivedCount, failedCount, lastFailure } = await readArchiver(connection);
  const counts = `the archiver has archived ${archivedCount} files and failed ${failedCount} times`;
  return lastFailure?.isNewest === true
    ? warning(
        `${counts}, last with ${lastFailure.wal} at ${lastFailure.time} and not succeeded since`,
        "Look for the archive_command's messages in the server's log.",
      )
    : ok(counts);
}

async function directoryFindings(
  dataDirectory: string | undefined,
  systemId: bigint,
  signal: AbortSignal,
): Promise<Finding[]> {
  if (dataDirectory === undefined)
    return [
      skipped(
        'the server does not tell this user where its data directory is',
        'Set data-directory, or grant pg_monitor to the user.',
      ),
    ];
  let ownerId: number;
  try {
    ownerId = (await stat(join(dataDirectory, controlFilePath))).uid;
  } catch (error) {
    return [
      warning(
        `data directory ${dataDirectory} cannot be read here (${systemCode(error) ?? messageOf(error)})`,
        'Run check on the server, as the user PostgreSQL runs as: archive_command does.',
      ),
    ];
  }
  const control = await readControlFile(dataDirectory, signal);
  if (control.systemId !== systemId)
    return [
      failure(
        `data directory ${dataDirectory} is of system ${control.systemId}, the server of ${systemId}`,
        'data-directory or the connection is of another server.',
      ),
    ];
  const same = ok(`data directory ${dataDirectory} is this server's`);
  if (process.geteuid !== undefined && process.geteuid() !== ownerId)
    return [
      same,
      warning(
        'check does not run as the user PostgreSQL runs as',
        'What it may read and write says little of what archive_command may: run it as that user.',
      ),
    ];
  const count = await requireReadable(dataDirectory, signal);
  return [same, ok(`all ${count} files and directories that a backup takes can be read`)];
}
