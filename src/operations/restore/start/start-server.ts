/** Starts the restored server by pg_ctl, so that it outlives this process and holds none of its files. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { orAborted } from '../../../base/time/wait.ts';
import { startLogName } from './server-log.ts';

export interface ServerStart {
  readonly pgCtl: string;
  readonly dataDirectory: string;
  /** Options for the server itself; empty for none. */
  readonly serverOptions: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/**
 * Returns when the server runs, which says nothing about its recovery.
 * @throws WalvaultError `postgres` if it did not start at all
 */
export async function startServer({
  pgCtl,
  dataDirectory,
  serverOptions,
  env,
  signal,
}: ServerStart): Promise<void> {
  const args = [
    ...['start', '-s', '-W', '-D', dataDirectory, '-l', join(dataDirectory, startLogName)],
    ...(serverOptions === '' ? [] : ['-o', serverOptions]),
  ];
  const child = spawn(pgCtl, args, { stdio: 'ignore', cwd: '/', env: serverEnvironment(env) });
  const ended = once(child, 'exit').then(([status]) => status as number | null);
  const status = await orAborted(ended, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new WalvaultError('postgres', `${pgCtl} cannot be run`, { cause: error });
  });
  if (status !== 0)
    throw new WalvaultError('postgres', `${pgCtl} could not start a server in ${dataDirectory}`, {
      hint: `${join(dataDirectory, startLogName)} may say why.`,
    });
}

/**
 * The environment of this process, which restore_command needs, without what libpq and the server read of it: PGPORT
 * would be the copy's port. Root that has become the server's user has that user's home.
 */
export function serverEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !name.startsWith('PG'));
  const own = process.env['USER'] === 'root' || process.env['HOME'] === '/root' ? ownHome() : {};
  return { ...Object.fromEntries(kept), ...own };
}

function ownHome(): NodeJS.ProcessEnv {
  try {
    const { homedir, username } = userInfo();
    return { HOME: homedir, USER: username, LOGNAME: username };
  } catch {
    return {};
  }
}
