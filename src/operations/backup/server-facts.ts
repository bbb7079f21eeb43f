/**
 * The facts of the server that a backup needs, and the check, before anything is written, that it can be backed up
 * from here.
 */
import { realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { localIoError, WalvaultError } from '../../base/errors/errors.ts';
import { readControlFile, type ControlFile } from '../../postgres/cluster/control-file.ts';
import {
  postmasterPidName,
  readPostmasterPid,
  type PostmasterPid,
} from '../../postgres/cluster/postmaster-pid.ts';
import { requireArchiving } from '../require-archiving.ts';
import type { PgConnection } from '../../postgres/server/connection.ts';
import { oldestServerVersion, readServerState, type ServerState } from '../../postgres/server/state.ts';

export interface BackupServerFacts {
  /** The absolute path, without symbolic links. */
  readonly dataDirectory: string;
  /** The control file as it is now. */
  readonly controlFile: ControlFile;
  readonly isStandby: boolean;
  /** Whether the server relies on the checksums of pages. */
  readonly dataChecksums: boolean;
  readonly owner: { readonly uid: number; readonly gid: number };
  /** Permission bits of the data directory. */
  readonly dataDirectoryMode: number;
  /** Absolute paths of the configuration files in force, wherever they are. */
  readonly configurationFiles: readonly string[];
  /** False when the user may not see where they are. */
  readonly showsConfigurationFiles: boolean;
}

/**
 * Reads the facts from the server and its data directory.
 * @throws WalvaultError `postgres` for a server that cannot be backed up, `refused` when the data directory is not
 *   the one this server runs in
 */
export async function readBackupServerFacts(
  connection: PgConnection,
  configuredDirectory: string | undefined,
  signal: AbortSignal,
): Promise<BackupServerFacts> {
  if (connection.serverVersion < oldestServerVersion)
    throw new WalvaultError('postgres', `server version ${connection.serverVersion} is before PostgreSQL 13`);
  const state = await readServerState(connection);
  // The primary archives a standby's WAL, so the standby's own settings prove nothing.
  if (!state.isStandby) requireArchiving(state);
  const named = configuredDirectory ?? state.dataDirectory;
  if (named === undefined) {
    throw new WalvaultError('postgres', 'the server does not tell this user where its data directory is', {
      hint: 'Set data-directory in the configuration, or grant membership in pg_monitor to the user.',
    });
  }
  const dataDirectory = await openDataDirectory(named);
  const controlFile = await readControlFile(dataDirectory, signal);
  requireSameServer({ named, dataDirectory, systemId: controlFile.systemId }, state);
  const { uid, gid, mode } = await stat(dataDirectory);
  return {
    dataDirectory,
    controlFile,
    isStandby: state.isStandby,
    dataChecksums: state.dataChecksums,
    owner: { uid, gid },
    dataDirectoryMode: mode & 0o777,
    configurationFiles: state.configurationFiles,
    showsConfigurationFiles: state.showsConfigurationFiles,
  };
}

async function openDataDirectory(named: string): Promise<string> {
  try {
    return await realpath(named);
  } catch (error) {
    const failure = localIoError('open the data directory', named, error);
    throw new WalvaultError(failure.code, failure.message, {
      cause: error,
      hint: 'A backup is taken on the host of the server, by the user the server runs as (usually postgres).',
    });
  }
}

/**
 * Refuses a data directory of another server. The system identifier tells clusters apart, but a standby or a restored
 * copy on the same host has the same identifier; the port in `postmaster.pid` tells those apart.
 */
function requireSameServer(
  found: { readonly named: string; readonly dataDirectory: string; readonly systemId: bigint },
  state: ServerState,
): void {
  const refuse = (message: string) =>
    new WalvaultError('refused', message, {
      hint: 'Check data-directory and postgres.connection (or PGHOST and PGPORT): they must mean the same server.',
    });
  if (found.systemId !== state.systemId)
    throw refuse(
      `${found.named} belongs to system ${found.systemId}, the server is of system ${state.systemId}`,
    );
  const directoryPort = runningServer(found.dataDirectory)?.port;
  if (directoryPort === undefined) throw refuse(`${found.named}: no server runs in this data directory`);
  if (directoryPort !== state.port)
    throw refuse(
      `${found.named}: its server has port ${directoryPort}, the connection is to port ${state.port}`,
    );
}

function runningServer(dataDirectory: string): PostmasterPid | undefined {
  try {
    return readPostmasterPid(dataDirectory);
  } catch (error) {
    throw localIoError('read', join(dataDirectory, postmasterPidName), error);
  }
}
