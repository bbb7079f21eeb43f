/**
 * How fast a recovery gets its WAL: a real server replays segments that pgbench made, with the agent fetching ahead
 * and without it, beside what `zstd -d`, fsync and a rename alone would take.
 */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agentPlace, type AgentPlace } from '../harness/agents.ts';
import type { PostgresServer } from '../harness/postgres-server.ts';
import { runOk } from '../harness/run.ts';
import { coldCopy, outcomeOf, startRecovery, type Site } from '../harness/site.ts';
import { temporaryDirectory } from '../harness/temp.ts';
import { giveToUnprivileged } from '../harness/unprivileged.ts';
import { allArchived, readyCount } from './all-archived.ts';

export interface ReplayFigures {
  readonly segments: number;
  readonly withAgent: ReplayRun;
  readonly withoutAgent: ReplayRun;
  /** Segments a second that two loops of `zstd -d`, fsync and rename reach. */
  readonly boundPerSecond: number;
}

export interface ReplayRun {
  /** From the first segment that was asked for to the last that was there. */
  readonly perSecond: number;
  /** Part of this time in which PostgreSQL waited for restore_command, 0 to 1… */
  readonly waiting: number;
  /** …and the same of the second half, when everything is warm. */
  readonly waitingWarm: number;
  /** Median time in which one segment was there. */
  readonly medianMs: number;
  /** What the agent says of itself; empty without one. */
  readonly status: string;
}

/** At least `segments` of 16 MiB. Needs three times their size of scratch space. */
export async function replayLoad(site: Site, segments: number): Promise<ReplayFigures> {
  const pushing = agentPlace();
  const origin = await site.startOrigin({
    initdbArgs: ['--wal-segsize=16'],
    conf: { max_wal_size: '1GB', shared_buffers: '128MB', checkpoint_timeout: '60s' },
    env: pushing.env,
  });
  const pgbench = join(origin.binDir, 'pgbench');
  assert.ok(existsSync(pgbench), `${pgbench} is missing: install postgresql-15`);
  await runOk(pgbench, ['-i', '-q', '-s', '20'], { env: origin.env });
  await allArchived(origin, 120_000);
  await origin.stop();
  const base = coldCopy(origin);
  await origin.start();
  const before = (await archivedCount(origin)) + readyCount(origin);
  let written = 0;
  while (written < segments) {
    await runOk(pgbench, ['-n', '-c', '4', '-T', '5'], { env: origin.env });
    written = (await archivedCount(origin)) + readyCount(origin) - before;
  }
  await allArchived(origin, 300_000);
  await origin.stop();
  const withoutAgent = await replay(site, base, undefined);
  const withAgent = await replay(site, base, agentPlace());
  return { segments: written, withAgent, withoutAgent, boundPerSecond: await bound(site, base) };
}

async function archivedCount(server: PostgresServer): Promise<number> {
  const [row] = await server.query<{ count: string }>('select archived_count as count from pg_stat_archiver');
  return Number(row?.count ?? 0);
}

async function replay(site: Site, base: string, place: AgentPlace | undefined): Promise<ReplayRun> {
  const directory = temporaryDirectory('asked');
  const wrapper = join(directory, 'restore');
  const log = join(directory, 'log');
  // bash tells the time without a process of its own.
  writeFileSync(
    wrapper,
    `#!/bin/bash\ns=$EPOCHREALTIME\n${site.command('fetch "$1" "$2"')}\nr=$?\necho "$1 $r $s $EPOCHREALTIME" >> ${log}\nexit $r\n`,
  );
  chmodSync(wrapper, 0o755);
  giveToUnprivileged(directory);
  const server = await startRecovery(site, {
    from: base,
    mode: 'point-in-time',
    restoreCommand: `${wrapper} %f "%p"`,
    // The harness's own are short, for tests that wait for them.
    env: { ...place?.env, WALVAULT_FETCH_TIMEOUT: '60s', WALVAULT_FETCH_STANDBY_TIMEOUT: '5s' },
    conf: { shared_buffers: '128MB', max_wal_size: '1GB', hot_standby: 'off' },
  });
  assert.equal(await outcomeOf(server), 'promoted', server.logTail());
  const status = place === undefined ? '' : await statusOf(site, place);
  await server.stop();
  rmSync(server.dataDirectory, { recursive: true });
  return { ...summarize(readFileSync(log, 'utf8')), status };
}

async function statusOf(site: Site, place: AgentPlace): Promise<string> {
  return (await site.walvault(['agent', 'status'], { env: place.env })).stdout;
}

/** Lines of name, status, start and end in seconds. */
function summarize(log: string): Omit<ReplayRun, 'status'> {
  const asked = log
    .trim()
    .split('\n')
    .map(line => line.split(' '))
    .filter(([name, status]) => /^[0-9A-F]{24}$/.test(name ?? '') && status === '0')
    .map(([, , start, end]) => ({ startMs: Number(start) * 1000, endMs: Number(end) * 1000 }));
  const warm = asked.slice(Math.floor(asked.length / 2));
  const times = asked.map(({ startMs, endMs }) => endMs - startMs).toSorted((a, b) => a - b);
  return {
    perSecond: (asked.length / elapsedMs(asked)) * 1000,
    waiting: sum(times) / elapsedMs(asked),
    waitingWarm: sum(warm.map(({ startMs, endMs }) => endMs - startMs)) / elapsedMs(warm),
    medianMs: times[times.length >> 1] ?? 0,
  };
}

function elapsedMs(asked: readonly { startMs: number; endMs: number }[]): number {
  return (asked.at(-1)?.endMs ?? 0) - (asked[0]?.startMs ?? 0);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The same segments as ordinary zstd files, level 1, decompressed by two shells side by side. */
async function bound(site: Site, base: string): Promise<number> {
  const directory = temporaryDirectory('bound');
  const names = readdirSync(site.repositoryPath, { recursive: true, encoding: 'utf8' })
    .map(path => /\/wal\/.*\/([0-9A-F]{24})$/.exec(path)?.[1])
    .filter(name => name !== undefined)
    .toSorted()
    .slice(-40);
  for (const name of names) {
    const path = join(directory, name);
    const fetched = await site.walvault(['fetch', name, path], { cwd: base });
    assert.equal(fetched.exitCode, 0, fetched.stderr);
    await runOk('zstd', ['-q', '-1', '--rm', path]);
  }
  const half = names.length >> 1;
  const loop = (some: readonly string[]) =>
    runOk('/bin/sh', [
      '-ec',
      `cd ${directory}; for f in ${some.join(' ')}; do zstd -qd $f.zst -o $f.tmp; sync $f.tmp; mv $f.tmp $f; done`,
    ]);
  const startedAt = performance.now();
  await Promise.all([loop(names.slice(0, half)), loop(names.slice(half))]);
  const perSecond = (names.length / (performance.now() - startedAt)) * 1000;
  rmSync(directory, { recursive: true });
  return perSecond;
}
