/** PostgreSQL as process 1 of a process namespace, as in a container: every orphan becomes its child. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { requireNamespaces } from '../site/namespaces.ts';
import { onExit } from '../site/on-exit.ts';
import { startPostgres, type PostgresOptions, type PostgresServer } from '../servers/postgres-server.ts';
import { bareEnvironment } from '../site/run.ts';
import { until } from '../site/site.ts';
import { unprivilegedAccount } from '../site/unprivileged.ts';

export interface ProcessOne {
  /** For its connections and its log; it is started and stopped here, not by its own methods. */
  readonly server: PostgresServer;
  /**
   * Kills a child of the server by its process id there. From outside: a program that a session of the server runs
   * for it (`copy … to program`) gets the SIGQUIT that follows, too, and as an orphan is one more crash. If the machine
   * stalls meanwhile, that one comes during recovery, and the server kills itself (HandleChildCrash in postmaster.c).
   */
  killChild(pid: number): void;
  stop(): Promise<void>;
}

/** @throws Error for which a test is left out, where the kernel gives no process namespace */
export async function startAsProcessOne(options: PostgresOptions): Promise<ProcessOne> {
  const account = unprivilegedAccount();
  const namespace = ['--pid', '--fork', '--mount-proc'];
  if (account === undefined) namespace.unshift('--user', '--map-current-user');
  requireNamespaces(namespace);
  const server = await startPostgres({ ...options, start: false });
  const settings = [
    `port=${server.port}`,
    'listen_addresses=',
    `unix_socket_directories=${server.socketDirectory}`,
  ];
  const postgres = [join(server.binDir, 'postgres'), '-D', server.dataDirectory];
  const asUser =
    account === undefined
      ? []
      : ['setpriv', `--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
  const output = openSync(server.logPath, 'a', 0o644);
  const unshare = spawn(
    'unshare',
    [...namespace, ...asUser, ...postgres, ...settings.flatMap(setting => ['-c', setting])],
    { cwd: '/', env: { ...bareEnvironment, ...options.env }, stdio: ['ignore', output, output] },
  );
  closeSync(output);
  let hasEnded = false;
  const ended = new Promise<void>(resolve => {
    const end = () => {
      hasEnded = true;
      resolve();
    };
    unshare.once('error', end);
    unshare.once('exit', end);
  });
  // unshare's --kill-child does not outlive a change of user. Immediate shutdown: it removes its shared memory.
  const kill = onExit(() => {
    for (const pid of childrenOf(unshare.pid)) process.kill(pid, 'SIGQUIT');
  });
  await until('PostgreSQL accepts connections as process 1', async () => {
    if (hasEnded) throw new Error(`PostgreSQL as process 1 ended while starting:\n${server.logTail()}`);
    return server.query('select 1').then(
      () => true,
      () => false,
    );
  });
  return {
    server,
    killChild(pid) {
      const children = childrenOf(unshare.pid).flatMap(childrenOf);
      const found = children.find(child => innermostPid(child) === pid);
      if (found === undefined) throw new Error(`no child ${pid} among ${children.join(' ')}`);
      process.kill(found, 'SIGKILL');
    },
    async stop() {
      kill();
      await ended;
    },
  };
}

/** The process id in the process' own namespace (proc(5), NSpid of status). */
function innermostPid(pid: number): number {
  const line = /^NSpid:\s*(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '';
  return Number(line.split('\t').at(-1));
}

function childrenOf(pid: number | undefined): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
