/**
 * A whole installation for end-to-end tests: a configuration and keys made by `walvault init`, a directory repository,
 * and real servers that archive to it and recover from it through the built executable.
 */
import { appendFileSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { AgentPlace } from './agents.ts';
import { startPostgres, type PostgresOptions, type PostgresServer } from '../servers/postgres-server.ts';
import { copyDirectory } from './copy-directory.ts';
import { runOk, bareEnvironment, type Environment, type RunOptions, type RunResult } from './run.ts';
import { temporaryDirectory } from './temp.ts';
import { giveToUnprivileged } from './unprivileged.ts';
import { runWalvault, walvaultExecutable } from './walvault.ts';

export interface Site {
  readonly directory: string;
  readonly configPath: string;
  readonly repositoryPath: string;
  readonly privateKeyPath: string;
  /** What a host that may read the archive has in its environment. */
  readonly readerEnv: Environment;
  readonly agents: AgentPlace | undefined;
  /** `archive_command`, `archive_mode` and what else an archiving server needs in postgresql.conf. */
  readonly archiveConf: Readonly<Record<string, string>>;
  /** The executable with this configuration and the private key. */
  walvault(args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** The same as one shell word sequence, for postgresql.conf. */
  command(args: string): string;
  /** A server that archives here. */
  startOrigin(options?: PostgresOptions): Promise<PostgresServer>;
}

export interface SiteOptions {
  /** More arguments for init. */
  readonly initArgs?: readonly string[];
  /** Default true: to a key pair that init makes. Without it the site has no private key. */
  readonly isEncrypted?: boolean;
  readonly repositoryUrl?: (directory: string) => string;
  /** All servers push and fetch through agents here. Default: none do. */
  readonly agents?: AgentPlace | undefined;
}

export async function createSite(options: SiteOptions = {}): Promise<Site> {
  const directory = temporaryDirectory('site');
  const configPath = join(directory, 'walvault.toml');
  const repositoryPath = join(directory, 'repository');
  const url = options.repositoryUrl?.(directory) ?? `file://${repositoryPath}`;
  const offline = temporaryDirectory('offline');
  const encryption = options.isEncrypted === false ? ['--no-encryption'] : ['--generate-keys', offline];
  await runOk(
    walvaultExecutable(),
    [
      ...['init', '--config', configPath, '--cluster', 'orders', '--repository', url],
      ...['--create-directory', ...encryption, ...(options.initArgs ?? [])],
    ],
    { cwd: directory },
  );
  const privateKeyPath = options.isEncrypted === false ? '' : privateKeyIn(offline);
  const readerEnv = {
    ...options.agents?.env,
    ...(privateKeyPath !== '' && { WALVAULT_ENCRYPTION_PRIVATE_KEYS: privateKeyPath }),
    WALVAULT_FETCH_TIMEOUT: '2s',
    WALVAULT_FETCH_STANDBY_TIMEOUT: '1s',
  };
  const command = (args: string) => `${walvaultExecutable()} --config ${configPath} ${args}`;
  const archiveConf = { archive_mode: 'on', archive_command: `'${command('push %p')}'` };
  return {
    directory,
    configPath,
    repositoryPath,
    privateKeyPath,
    readerEnv,
    agents: options.agents,
    archiveConf,
    command,
    walvault: (args, run = {}) =>
      runWalvault(args, {
        ...run,
        config: configPath,
        env: { ...bareEnvironment, ...readerEnv, ...run.env },
      }),
    startOrigin: (postgres = {}) =>
      startPostgres({
        initdbArgs: ['--wal-segsize=1'],
        ...postgres,
        conf: { ...archiveConf, ...postgres.conf },
        env: { ...readerEnv, ...postgres.env },
      }),
  };
}

function privateKeyIn(directory: string): string {
  return join(directory, readdirSync(directory).find(name => name.endsWith('private.asc')) ?? '');
}

/** Commits one numbered row a segment, from `first` to `last`, each followed by a change of segment. */
export async function commitRows(server: PostgresServer, first: number, last: number): Promise<void> {
  await server.query('create table if not exists committed(n int primary key)');
  for (let n = first; n <= last; n++) {
    await server.query('insert into committed values ($1)', [n]);
    await server.query('select pg_switch_wal()');
  }
}

export async function rowsOf(server: PostgresServer): Promise<number[]> {
  const rows = await server.query<{ n: number }>('select n from committed order by n');
  return rows.map(({ n }) => n);
}

/** Until everything written so far, up to a change of segment made here, is archived. */
export async function archiveEverything(server: PostgresServer, timeoutMs = 60_000): Promise<void> {
  const [row] = await server.query<{ name: string }>(`select pg_walfile_name(pg_switch_wal()) as name`);
  const isArchived = () => {
    const names = readdirSync(join(server.dataDirectory, 'pg_wal', 'archive_status'));
    return row !== undefined && !names.some(name => name.endsWith('.ready'));
  };
  await until('all segments are archived', isArchived, timeoutMs);
}

export async function until(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  timeoutMs = 240_000,
): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  // A look is often a connection, which takes a processor from what is waited for.
  for (let pauseMs = 20; !(await isTrue()); pauseMs = Math.min(pauseMs * 1.25, 200)) {
    if (performance.now() > giveUpAt) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await delay(pauseMs);
  }
}

/** A cold copy of a stopped server: the simplest base backup there is. Its pg_wal is emptied unless it is wanted. */
export function coldCopy(server: PostgresServer, { withWal = false } = {}): string {
  const copy = join(temporaryDirectory('cold'), 'data');
  copyDirectory(server.dataDirectory, copy);
  if (!withWal) emptyWal(copy);
  giveToUnprivileged(copy);
  return copy;
}

export function emptyWal(dataDirectory: string): void {
  const walDirectory = join(dataDirectory, 'pg_wal');
  for (const name of readdirSync(walDirectory)) {
    if (name !== 'archive_status') rmSync(join(walDirectory, name), { recursive: true });
  }
  for (const name of readdirSync(join(walDirectory, 'archive_status')))
    rmSync(join(walDirectory, 'archive_status', name));
}

export interface RecoveryOptions {
  readonly from: string;
  readonly mode: 'point-in-time' | 'standby';
  /** Arguments between `fetch` and `%f`. */
  readonly fetchArgs?: string;
  readonly conf?: Readonly<Record<string, string>>;
  readonly env?: Environment;
  /** Instead of the site's own. */
  readonly restoreCommand?: string;
}

/** Starts a copy of `from` in recovery and does not wait for anything. */
export async function startRecovery(site: Site, options: RecoveryOptions): Promise<PostgresServer> {
  const dataDirectory = join(temporaryDirectory('recovery'), 'data');
  copyDirectory(options.from, dataDirectory);
  writeFileSync(join(dataDirectory, options.mode === 'standby' ? 'standby.signal' : 'recovery.signal'), '');
  giveToUnprivileged(dataDirectory);
  const fetch = options.restoreCommand ?? site.command(`fetch ${options.fetchArgs ?? ''} %f "%p"`);
  // Else a recovery this short would be over before its agent is there.
  const restoreCommand =
    site.agents === undefined ? fetch : `${whileStarting(site.agents)} sleep 0.05; done; ${fetch}`;
  const server = await startPostgres({
    dataDirectory,
    start: false,
    conf: { archive_mode: 'off', restore_command: `'${restoreCommand}'`, hot_standby: 'on', ...options.conf },
    env: { ...site.readerEnv, ...options.env },
  });
  await server.start({ until: 'spawned' });
  return server;
}

/** The head of a shell's loop. A file by this name is there until the agent listens that a push or fetch has started. */
function whileStarting({ directory }: AgentPlace): string {
  return `for i in $(seq 200); do ls ${directory}/*.starting >/dev/null 2>&1 || break;`;
}

/** What became of a recovery: it ended by promotion, or the server gave up, or it still replays. */
export async function outcomeOf(server: PostgresServer, timeoutMs = 240_000): Promise<'promoted' | 'exited'> {
  let outcome: 'promoted' | 'exited' | undefined;
  const isOver = async () => {
    if (server.pid === undefined) outcome = 'exited';
    else if (!(await isInRecovery(server))) outcome = 'promoted';
    return outcome !== undefined;
  };
  try {
    await until('the recovery ends', isOver, timeoutMs);
  } catch (error) {
    throw new Error(`the server has not ended its recovery:\n${server.logTail()}`, { cause: error });
  }
  return outcome ?? 'exited';
}

/** True also while it does not accept connections yet. */
export async function isInRecovery(server: PostgresServer): Promise<boolean> {
  try {
    const [row] = await server.query<{ pg_is_in_recovery: boolean }>('select pg_is_in_recovery()');
    return row?.pg_is_in_recovery ?? true;
  } catch {
    return true;
  }
}

/** True if a new timeline was begun there. */
export function hasOpenedTimeline(server: PostgresServer, timeline: number): boolean {
  return existsSync(
    join(server.dataDirectory, 'pg_wal', `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`),
  );
}

export function setting(server: PostgresServer, name: string, value: string): void {
  appendFileSync(join(server.dataDirectory, 'postgresql.conf'), `${name} = ${value}\n`);
}
