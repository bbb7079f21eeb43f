/** The state of one seed: its data directory, its server if it has one, and what has become of its segments. */
import { randomFillSync } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyDirectory } from '../../site/copy-directory.ts';
import { bareEnvironment, run, type Environment, type RunOptions, type RunResult } from '../../site/run.ts';
import { startPostgres, type PostgresServer } from '../../servers/postgres-server.ts';
import { temporaryDirectory } from '../../site/temp.ts';
import { giveToUnprivileged } from '../../site/unprivileged.ts';
import { walvaultExecutable } from '../../site/walvault.ts';
import { makeSegment } from '../../wal/wal.ts';
import { geometry, resetRepositories, type Ground } from './ground.ts';
import type { Account, Plan } from './steps.ts';

export interface World {
  readonly ground: Ground;
  readonly isShared: boolean;
  readonly dataDirectory: string;
  /** Where fetch delivers to, the user's. */
  readonly fetchedPath: string;
  readonly server: PostgresServer | undefined;
  /** Finished segments in pg_wal, by name, as they are. */
  readonly segments: Map<string, Buffer>;
  /** Segments for which a push has exited 0, and which nobody was asked to remove since. */
  readonly archived: Set<string>;
  /** Finishes one more segment. */
  finishSegment(): Promise<string>;
  walvault(by: Account, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  end(): Promise<void>;
}

export async function createWorld(ground: Ground, plan: Plan): Promise<World> {
  resetRepositories(ground, plan.isShared);
  const dataDirectory = join(temporaryDirectory('interleavings'), 'data');
  const server = plan.hasServer ? await startServer(ground, dataDirectory) : undefined;
  if (server === undefined) makeDataDirectory(ground, dataDirectory);
  const fetchedPath = join(dataDirectory, 'fetched');
  mkdirSync(fetchedPath, { mode: 0o700 });
  giveToUnprivileged(fetchedPath);
  const segments = new Map<string, Buffer>();
  let nextNumber = ground.firstNumber;
  return {
    ground,
    isShared: plan.isShared,
    dataDirectory,
    fetchedPath,
    server,
    segments,
    archived: new Set(),
    async finishSegment() {
      const name =
        server === undefined ? place(ground, dataDirectory, nextNumber++) : await switchSegment(server);
      segments.set(name, readFileSync(join(dataDirectory, 'pg_wal', name)));
      return name;
    },
    walvault: (by, args, options = {}) =>
      run(walvaultExecutable(), args, {
        cwd: dataDirectory,
        timeoutMs: 240_000,
        ...options,
        as: by === 'root' ? 'self' : 'unprivileged',
        env: { ...environmentOf(ground), ...options.env },
      }),
    async end() {
      // Its archiver may wait for an answer that never comes.
      await server?.stop('immediate');
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
}

function environmentOf(ground: Ground): Environment {
  return {
    ...bareEnvironment,
    ...ground.site.readerEnv,
    ...ground.env,
    WALVAULT_CONFIG: ground.site.configPath,
  };
}

async function startServer(ground: Ground, dataDirectory: string): Promise<PostgresServer> {
  copyDirectory(ground.saved.dataDirectory, dataDirectory);
  return startPostgres({
    dataDirectory,
    conf: { ...ground.site.archiveConf, wal_keep_size: '64MB' },
    env: { ...ground.site.readerEnv, ...ground.env },
  });
}

/** What push needs of a data directory, without a server. */
function makeDataDirectory({ saved }: Ground, dataDirectory: string): void {
  for (const name of ['', 'global', 'pg_wal', 'pg_wal/archive_status'])
    mkdirSync(join(dataDirectory, name), { mode: 0o700 });
  for (const name of ['PG_VERSION', 'global/pg_control'])
    copyFileSync(join(saved.dataDirectory, name), join(dataDirectory, name));
  giveToUnprivileged(dataDirectory);
}

/** A made-up segment, random behind its first page, as if a server had finished it. */
function place({ systemId }: Ground, dataDirectory: string, number: bigint): string {
  const name = geometry.nameOf(1, number);
  const data = makeSegment({ timeline: 1, number, systemId, segmentSizeBytes: 1024 ** 2 });
  randomFillSync(data, 8192, 32_768);
  writeFileSync(join(dataDirectory, 'pg_wal', name), data, { mode: 0o600 });
  writeFileSync(join(dataDirectory, 'pg_wal/archive_status', `${name}.ready`), '', { mode: 0o600 });
  giveToUnprivileged(join(dataDirectory, 'pg_wal'));
  return name;
}

async function switchSegment(server: PostgresServer): Promise<string> {
  const [row] = await server.query<{ name: string }>(
    `select pg_walfile_name(pg_switch_wal()) as name from pg_create_restore_point('step')`,
  );
  if (row === undefined) throw new Error('no segment was finished');
  return row.name;
}
