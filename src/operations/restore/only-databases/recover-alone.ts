/**
 * The recovery of a copy with placeholders: by a server that nobody can connect to, and that passes over pages of placeholders.
 * All of that is on its command line. No file of the copy has it afterwards, so the next start is an ordinary one.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { shellWord } from '../../../base/shell-word.ts';
import { orAborted } from '../../../base/time/wait.ts';
import { readPostmasterPid } from '../../../postgres/cluster/postmaster-pid.ts';
import { startLogName } from '../start/server-log.ts';
import { serverEnvironment, startServer } from '../start/start-server.ts';
import { waitForTarget, type StartedServer, type StartRestored } from '../start/start-restored.ts';

/** The options that the server was started with, which `pg_ctl restart` would use again. */
const optionsFile = 'postmaster.opts';

export interface Recovered extends StartedServer {
  /** The log of this server alone. */
  readonly logPath: string;
}

/**
 * Recovers to the target, and opens for writing there. On return the server is stopped in good order; when it throws, none runs.
 * @throws WalvaultError `postgres`
 */
export async function recoverAlone(options: StartRestored): Promise<Recovered> {
  const { dataDirectory, log } = options;
  const logPath = join(dataDirectory, startLogName);
  const sockets = await mkdtemp(join(socketParent(), 'walvault-'));
  try {
    const alone = { ...options, serverOptions: aloneOptions(options.serverOptions, sockets) };
    log.emit({ kind: 'placeholders-recovering', dataDirectory });
    await startServer(alone);
    const reached = await waitForTarget(alone);
    if (reached.outcome !== 'promoted')
      throw new WalvaultError(
        'postgres',
        `the restored server did not open for writing at ${options.target}`,
      );
    await stopServer(options, 'fast');
    return { ...reached, logPath };
  } catch (error) {
    await endServer(options);
    throw explained(error, logPath);
  } finally {
    await rm(join(dataDirectory, optionsFile), { force: true });
    await rm(sockets, { recursive: true, force: true });
  }
}

/** Ends a server that may have ended itself. The signal may be what ended the wait. */
async function endServer(options: StartRestored): Promise<void> {
  if (readPostmasterPid(options.dataDirectory) === undefined) return;
  try {
    await stopServer({ ...options, signal: new AbortController().signal }, 'immediate');
  } catch (error) {
    // A server that was killed leaves its file behind; what ended the recovery says more.
    if (!(error instanceof WalvaultError) || error.code !== 'postgres') throw error;
  }
}

/** A start by hand would be an ordinary one, and end at the first page of a placeholder. */
function explained(error: unknown, logPath: string): unknown {
  if (!(error instanceof WalvaultError) || error.code !== 'postgres') return error;
  return new WalvaultError('postgres', error.message, {
    hint: `All that it said is in ${logPath}. Restore again when that is dealt with: nobody but restore recovers a copy of some databases.`,
    cause: error,
  });
}

/** The options of the copy, and those of this start, which beat them. Pure. */
export function aloneOptions(serverOptions: string, socketDirectory: string): string {
  const settings = {
    ignore_invalid_pages: 'on',
    listen_addresses: '',
    unix_socket_directories: `"${socketDirectory}"`,
    // Neither sessions nor workers may look into a placeholder before it is closed.
    hot_standby: 'off',
    autovacuum: 'off',
    // What walvault reads in the log is there, in English, whatever the origin wrote where.
    logging_collector: 'off',
    log_destination: 'stderr',
    log_min_messages: 'warning',
    log_error_verbosity: 'terse',
    lc_messages: 'C',
  };
  const words = Object.entries(settings).map(([name, value]) => `-c ${shellWord(`${name}=${value}`)}`);
  return [serverOptions, ...words].filter(option => option !== '').join(' ');
}

/** A socket's path has 107 bytes at most. */
function socketParent(): string {
  return tmpdir().length > 60 ? '/tmp' : tmpdir();
}

/** A shutdown writes all of shared memory, however long that takes. */
const stopsWithinS = 24 * 3600;

async function stopServer(
  { pgCtl, dataDirectory, env, signal }: StartRestored,
  mode: 'fast' | 'immediate',
): Promise<void> {
  const args = ['stop', '-s', '-w', '-t', String(stopsWithinS), '-m', mode, '-D', dataDirectory];
  const child = spawn(pgCtl, args, { stdio: 'ignore', cwd: '/', env: serverEnvironment(env) });
  const ended = once(child, 'exit').then(([status]) => status as number | null);
  const status = await orAborted(ended, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new WalvaultError('postgres', `${pgCtl} cannot be run`, { cause: error });
  });
  if (status !== 0)
    throw new WalvaultError('postgres', `${pgCtl} could not stop the server in ${dataDirectory}`);
}
