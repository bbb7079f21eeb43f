/** A real PostgreSQL server for a test, which this file makes, starts, stops and removes. */
import { spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { copyDirectory } from '../site/copy-directory.ts';
import { onExit } from '../site/on-exit.ts';
import { freePort } from './ports.ts';
import { findPostgresBinaries } from './postgres-binaries.ts';
import { bareEnvironment, runOk, type Environment } from '../site/run.ts';
import { temporaryDirectory } from '../site/temp.ts';
import { giveToUnprivileged, unprivilegedIds } from '../site/unprivileged.ts';

export interface PostgresOptions {
  /** Directory with `postgres` and `initdb`; default: see `findPostgresBinaries`. */
  readonly binDir?: string;
  /** Lines for postgresql.conf, values as they stand there (quotes included where PostgreSQL wants them). */
  readonly conf?: Readonly<Record<string, string>>;
  /** More arguments for initdb, such as `--wal-segsize=1`. */
  readonly initdbArgs?: readonly string[];
  /** An existing data directory (a restored one) is used as it is; a missing one is made. Default: a scratch one. */
  readonly dataDirectory?: string;
  /** Default true. */
  readonly start?: boolean;
  /** Clusters that one test process makes by the same arguments are copies of one initdb and share a system identifier, unless this is set. */
  readonly ownSystemIdentifier?: boolean;
  /** The server's environment, over a bare one: what archive_command and restore_command inherit. */
  readonly env?: Environment;
  /** Default false: fsync = off. Tests that cut the power set it. */
  readonly fsync?: boolean;
}

export interface StartOptions {
  /** `ready` (default): until it accepts connections. `spawned`: at once, for a recovery that is meant to fail. */
  readonly until?: 'ready' | 'spawned';
  readonly timeoutMs?: number;
}

export interface ServerExit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface PostgresServer extends AsyncDisposable {
  readonly binDir: string;
  readonly port: number;
  readonly dataDirectory: string;
  readonly socketDirectory: string;
  readonly superuser: 'postgres';
  readonly logPath: string;
  /** PGHOST, PGPORT, PGUSER, PGDATABASE for a program that is to connect, with PATH. */
  readonly env: Readonly<Record<string, string>>;
  /** The postmaster's process id; undefined while stopped. */
  readonly pid: number | undefined;
  /** Opens a connection of its own; the caller ends it. */
  connect(database?: string): Promise<Client>;
  /** One statement (or several, separated by semicolons, as one implicit transaction) on a connection of its own. */
  query<Row extends object = Record<string, unknown>>(
    sql: string,
    params?: readonly unknown[],
  ): Promise<Row[]>;
  start(options?: StartOptions): Promise<void>;
  /** Resolves when the postmaster is gone. `fast` (default), `immediate`, or `kill` (SIGKILL, a crash). */
  stop(mode?: 'fast' | 'immediate' | 'kill'): Promise<ServerExit | undefined>;
  /** How the postmaster ended, once it does; undefined when it is not running. */
  exited(): Promise<ServerExit | undefined>;
  log(): string;
  logTail(lines?: number): string;
}

export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const binDir = options.binDir ?? findPostgresBinaries();
  const dataDirectory = options.dataDirectory ?? join(temporaryDirectory('pg'), 'data');
  if (!existsSync(join(dataDirectory, 'PG_VERSION'))) await makeCluster(binDir, dataDirectory, options);
  const server = createServer(binDir, dataDirectory, await freePort(), options.env ?? {});
  appendFileSync(join(dataDirectory, 'postgresql.conf'), configurationText(options));
  if (options.start ?? true) await server.start();
  return server;
}

/** By the program and its arguments. */
const templates = new Map<string, string>();

async function makeCluster(binDir: string, dataDirectory: string, options: PostgresOptions): Promise<void> {
  const args = options.initdbArgs ?? [];
  const hasDirectoryElsewhere = args.some(arg => arg.startsWith('--waldir'));
  if (options.ownSystemIdentifier === true || hasDirectoryElsewhere) {
    await initdb(binDir, dataDirectory, args);
    return;
  }
  const key = [binDir, ...args].join('\0');
  let template = templates.get(key);
  if (template === undefined) {
    template = join(temporaryDirectory('template'), 'data');
    await initdb(binDir, template, args);
    templates.set(key, template);
  }
  mkdirSync(dirname(dataDirectory), { recursive: true });
  copyDirectory(template, dataDirectory);
  giveToUnprivileged(dataDirectory);
}

async function initdb(binDir: string, dataDirectory: string, args: readonly string[]): Promise<void> {
  const fixed = [
    '-U',
    'postgres',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C',
    '--no-sync',
    '--data-checksums',
  ];
  await runOk(join(binDir, 'initdb'), ['-D', dataDirectory, ...fixed, ...args]);
}

function configurationText(options: PostgresOptions): string {
  const settings: Record<string, string> = {
    shared_buffers: '16MB',
    max_connections: '30',
    fsync: options.fsync === true ? 'on' : 'off',
    wal_level: 'replica',
    max_wal_senders: '5',
    timezone: "'UTC'",
    log_timezone: "'UTC'",
    log_checkpoints: 'off',
    autovacuum: 'off',
    // By default a standby that finds nothing looks again after five seconds.
    wal_retrieve_retry_interval: '300ms',
    ...options.conf,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');
}

function createServer(
  binDir: string,
  dataDirectory: string,
  port: number,
  serverEnv: Environment,
): PostgresServer {
  const socketDirectory = temporaryDirectory('sock');
  const logPath = join(socketDirectory, 'postgres.log');
  let child: ChildProcess | undefined;
  let ended: Promise<ServerExit> | undefined;

  const logText = () => (existsSync(logPath) ? readFileSync(logPath, 'utf8') : '');
  const logTail = (lines = 20) => logText().trimEnd().split('\n').slice(-lines).join('\n');

  const connect = async (database = 'postgres') => {
    const client = new Client({ host: socketDirectory, port, user: 'postgres', database });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };

  const isReady = async () => {
    try {
      await (await connect()).end();
      return true;
    } catch {
      return false;
    }
  };

  const server: PostgresServer = {
    binDir,
    port,
    dataDirectory,
    socketDirectory,
    superuser: 'postgres',
    logPath,
    env: {
      ...bareEnvironment,
      PATH: `${binDir}:${bareEnvironment.PATH}`,
      PGHOST: socketDirectory,
      PGPORT: String(port),
      PGUSER: 'postgres',
      PGDATABASE: 'postgres',
    },
    get pid() {
      return child?.pid;
    },
    connect,
    async query<Row extends object>(sql: string, params?: readonly unknown[]) {
      const client = await connect();
      try {
        const result = await client.query(sql, params === undefined ? undefined : [...params]);
        return result.rows as Row[];
      } finally {
        await client.end();
      }
    },
    async start({ until = 'ready', timeoutMs = 60_000 } = {}) {
      if (child !== undefined) throw new Error('this PostgreSQL server runs already');
      const output = openSync(logPath, 'a', 0o644);
      const started = spawn(join(binDir, 'postgres'), serverArguments(dataDirectory, port, socketDirectory), {
        cwd: '/',
        env: { ...bareEnvironment, TZ: 'UTC', ...serverEnv },
        stdio: ['ignore', output, output],
        ...unprivilegedIds(),
      });
      closeSync(output);
      child = started;
      // One that a failed test leaves running must not keep this process, which ends it when it ends itself.
      started.unref();
      const disarm = onExit(() => endNow(started));
      ended = new Promise((resolve, reject) => {
        started.once('error', reject);
        started.once('exit', (exitCode, signal) => {
          child = undefined;
          disarm();
          resolve({ exitCode, signal });
        });
      });
      ended.catch(() => undefined);
      if (until === 'spawned') return;
      const giveUpAt = performance.now() + timeoutMs;
      while (!(await isReady())) {
        if (child === undefined) throw new Error(`PostgreSQL ended while starting:\n${logTail()}`);
        if (performance.now() > giveUpAt)
          throw new Error(`PostgreSQL is not ready after ${timeoutMs} ms:\n${logTail()}`);
        await delay(20);
      }
    },
    async stop(mode = 'fast') {
      const signals = { fast: 'SIGINT', immediate: 'SIGQUIT', kill: 'SIGKILL' } as const;
      const children = mode === 'kill' && child?.pid !== undefined ? childrenOf(child.pid) : [];
      child?.kill(signals[mode]);
      const exit = await server.exited();
      // No server starts while they hold the shared memory of one that crashed (PGSharedMemoryIsInUse in sysv_shmem.c).
      while (children.some(isRunning)) await delay(10);
      return exit;
    },
    async exited() {
      child?.ref();
      return ended;
    },
    log: logText,
    logTail,
    async [Symbol.asyncDispose]() {
      await server.stop('immediate');
    },
  };
  return server;
}

/** Immediate shutdown, waited for without the event loop, so that the data directory can be removed next. */
function endNow(postmaster: ChildProcess): void {
  if (postmaster.pid === undefined || !postmaster.kill('SIGQUIT')) return;
  const giveUpAt = performance.now() + 30_000;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  while (isRunning(postmaster.pid) && performance.now() < giveUpAt) Atomics.wait(pause, 0, 0, 10);
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text
    .split(' ')
    .filter(part => part !== '')
    .map(Number);
}

/** A process that has ended stays a zombie until Node's event loop collects it. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** On the command line, so that a restored cluster listens here and not where its origin did. */
function serverArguments(dataDirectory: string, port: number, socketDirectory: string): string[] {
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${socketDirectory}`,
    'logging_collector=off',
    'log_destination=stderr',
  ];
  return ['-D', dataDirectory, ...settings.flatMap(setting => ['-c', setting])];
}
