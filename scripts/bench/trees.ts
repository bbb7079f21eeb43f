/**
 * `npm run bench -- trees`: a full backup, then a differential and an incremental after one page in a hundred was changed all over each
 * time, and restores of all three, with two jobs. Each figure is beside the full backup or its restore, of the same round.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { formatSize } from '../../src/base/units.ts';
import { startPostgres, type PostgresServer } from '../../test/support/servers/postgres-server.ts';
import { createSite, setting, type Site } from '../../test/support/site/site.ts';
import { temporaryDirectory } from '../../test/support/site/temp.ts';
import { median } from './command.ts';
import type { Figure, Limit } from './figure.ts';
import { pgbenchOf } from './pgbench.ts';

/** About a gigabyte in one table with its index. */
const scale = 70;
const rowsOfScale = 100_000;
const mebibyte = 1024 ** 2;
const mostResidentMiB = 400;

const types = ['full', 'differential', 'incremental'] as const;

interface Measured {
  readonly wallMs: number;
  readonly residentBytes: number;
}

interface TakenBackup extends Measured {
  readonly id: string;
  /** All objects of its parts. */
  readonly storedBytes: number;
  readonly sizeBytes: number;
}

interface Round {
  readonly backups: readonly TakenBackup[];
  /** In the order of the backups. */
  readonly restores: readonly Measured[];
}

export async function benchTrees(rounds: number): Promise<Figure[]> {
  const site = await createSite();
  const server = await startPostgres({
    conf: { max_wal_size: '8GB', shared_buffers: '128MB', archive_mode: 'on', archive_command: "'true'" },
    ownSystemIdentifier: true,
    env: { WALVAULT_AGENT_MODE: 'off' },
  });
  const measured: Round[] = [];
  try {
    setting(server, 'archive_command', `'${site.command('push %p')}'`);
    await server.query('select pg_reload_conf()');
    await pgbenchOf(server)('--initialize', '--quiet', `--scale=${scale}`);
    for (let round = 0; round < rounds; round++) {
      measured.push(await measureRound(site, server));
      console.log(shown(measured.at(-1)));
    }
  } finally {
    await server.stop();
  }
  return figuresOf(measured);
}

async function measureRound(site: Site, server: PostgresServer): Promise<Round> {
  const backups: TakenBackup[] = [];
  for (const [index, type] of types.entries()) {
    if (index > 0) await touchRows(server, index);
    await server.query('checkpoint');
    backups.push(await takeBackup(site, server, type));
  }
  const restores: Measured[] = [];
  for (const { id } of backups) restores.push(await restore(site, id));
  return { backups, restores };
}

/** A page has 61 rows: one row in one page of a hundred, from the beginning of the table to its end. */
async function touchRows(server: PostgresServer, remainder: number): Promise<void> {
  const rows = scale * rowsOfScale;
  await server.query(
    `update pgbench_accounts set abalance = abalance + 1 where aid % 6000 = ${remainder} and aid <= ${rows}`,
  );
}

async function takeBackup(site: Site, server: PostgresServer, type: string): Promise<TakenBackup> {
  const { done, ...cost } = await run(
    site,
    ['backup', '--fast', '--jobs', '2', '--json', '--type', type],
    server.env,
  );
  const { record } = JSON.parse(done) as {
    record: { id: string; sizeBytes: number; parts: { storedSizeBytes: number }[] };
  };
  const storedBytes = record.parts.reduce((total, part) => total + part.storedSizeBytes, 0);
  return { ...cost, id: record.id, sizeBytes: record.sizeBytes, storedBytes };
}

async function restore(site: Site, id: string): Promise<Measured> {
  const directory = join(temporaryDirectory('bench-trees'), 'data');
  const measured = await run(site, ['restore', directory, '--backup', id, '--jobs', '2', '--quiet']);
  rmSync(directory, { recursive: true, force: true });
  return measured;
}

async function run(
  site: Site,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<Measured & { readonly done: string }> {
  const startedAt = performance.now();
  const done = await site.walvault(args, { env, timeoutMs: 600_000 });
  const wallMs = performance.now() - startedAt;
  if (done.exitCode !== 0) throw new Error(done.stderr);
  return { wallMs, residentBytes: done.maxResidentBytes, done: done.stdout };
}

function figuresOf(rounds: readonly Round[]): Figure[] {
  const figures: Figure[] = [];
  const size = formatSize(rounds[0]?.backups[0]?.sizeBytes ?? 0);
  const row = (what: string, of: (round: Round, index: number) => number, index: number, limit?: Limit) => {
    const ratio = median(rounds.map(round => of(round, index) / of(round, 0)));
    figures.push({
      what: `${types[index]} ${what}`,
      measured: `of ${size}, one page in a hundred changed`,
      beside: 'the full one',
      value: { number: ratio, ...(limit && { limit }) },
    });
  };
  for (const index of [1, 2]) {
    row('backup, bytes', ({ backups }, at) => backups[at]?.storedBytes ?? NaN, index, { atMost: 0.05 });
    row('backup by digests, time', ({ backups }, at) => backups[at]?.wallMs ?? NaN, index, { atMost: 0.4 });
    row('restore, time', ({ restores }, at) => restores[at]?.wallMs ?? NaN, index, { atMost: 1.25 });
  }
  const resident = rounds.flatMap(({ backups, restores }) =>
    [...backups, ...restores].map(one => one.residentBytes),
  );
  figures.push({
    what: 'backups and restores of a tree, memory',
    measured: formatSize(Math.max(...resident)),
    value: { number: Math.max(...resident) / mebibyte, unit: 'MiB', limit: { atMost: mostResidentMiB } },
  });
  return figures;
}

function shown(round: Round | undefined): string {
  const times = (of: readonly Measured[] = []) =>
    of.map(({ wallMs }) => `${(wallMs / 1000).toFixed(1)} s`).join(', ');
  const bytes = round?.backups.map(({ storedBytes }) => formatSize(storedBytes)).join(', ');
  return `${types.join(', ')}: backups ${times(round?.backups)} (${bytes}), restores ${times(round?.restores)}`;
}
