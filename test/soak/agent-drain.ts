/** A backlog of ready segments, and how fast archiver and agent together make it durable. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readControlFile } from '../../src/postgres/cluster/control-file.ts';
import { agentPlace, type AgentPlace } from '../harness/agents.ts';
import type { PostgresServer } from '../harness/postgres-server.ts';
import { run, runOk } from '../harness/run.ts';
import { until, type Site } from '../harness/site.ts';
import { readyCount } from './all-archived.ts';
import { Auditor } from './audit.ts';

export interface DrainFigures {
  readonly segments: number;
  readonly drainMs: number;
  /** `zstd -1` of the same files, two processes at a time, output thrown away. */
  readonly zstdMs: number;
  /** The archiver's own count: with `archive.batch` most files are not among it. */
  readonly asked: number;
  readonly residentBytes: number;
  readonly idleResidentBytes: number;
}

export interface DrainOptions {
  readonly segments: number;
  readonly env: Readonly<Record<string, string>>;
  readonly segmentSizeMiB?: number;
}

export async function drainBacklog(site: Site, options: DrainOptions): Promise<DrainFigures> {
  const { segments, segmentSizeMiB = 16 } = options;
  const place = agentPlace(options.env);
  await using server = await site.startOrigin({
    initdbArgs: [`--wal-segsize=${segmentSizeMiB}`],
    env: place.env,
    conf: { archive_command: "''", max_wal_size: '16GB', shared_buffers: '128MB', checkpoint_timeout: '1h' },
  });
  await makeBacklog(server, segments);
  const walDirectory = join(server.dataDirectory, 'pg_wal');
  const zstdMs = await timeOfZstd(walDirectory);
  await server.query(`alter system set archive_command = ${quoted(site.command('push %p'))}`);
  await server.query('select pg_reload_conf()');
  const startedAt = performance.now();
  const sampling = new AbortController();
  const highWater = highWaterOf(place, sampling.signal);
  await until('the backlog is archived', () => readyCount(server) === 0, 600_000);
  const drainMs = performance.now() - startedAt;
  sampling.abort();
  const residentBytes = await highWater;
  const [row] = await server.query<{ asked: string }>('select archived_count as asked from pg_stat_archiver');
  await delay(15_000);
  const idleResidentBytes = residentOf(place, 'VmRSS');
  const { systemId } = await readControlFile(server.dataDirectory, new AbortController().signal);
  assert.ok((await new Auditor(site, systemId).audit()).decoded >= segments);
  return { segments, drainMs, zstdMs, asked: Number(row?.asked), residentBytes, idleResidentBytes };
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

async function makeBacklog(server: PostgresServer, segments: number): Promise<void> {
  await runOk(join(server.binDir, 'pgbench'), ['-i', '-q', '-s', '10'], { env: server.env });
  await server.query('create table bulk(t text)');
  while (readyCount(server) < segments) {
    await runOk(join(server.binDir, 'pgbench'), ['-n', '-c', '2', '-t', '2000'], { env: server.env });
    await server.query(
      `insert into bulk select md5(random()::text) || md5(random()::text) from generate_series(1, 500000)`,
    );
    await server.query('truncate bulk');
  }
}

async function timeOfZstd(walDirectory: string): Promise<number> {
  const names = readdirSync(join(walDirectory, 'archive_status')).map(name => name.replace(/\.ready$/, ''));
  const result = await run('xargs', ['-P', '2', '-n', '1', 'sh', '-c', 'zstd -q -1 -c "$0" >/dev/null'], {
    cwd: walDirectory,
    input: names.join('\n'),
    timeoutMs: 600_000,
  });
  assert.equal(result.exitCode, 0, result.stderr);
  return result.elapsedMs;
}

async function highWaterOf(place: AgentPlace, signal: AbortSignal): Promise<number> {
  let highest = 0;
  while (!signal.aborted) {
    highest = Math.max(highest, residentOf(place, 'VmHWM'));
    await delay(100);
  }
  return highest;
}

/** The largest of the place's agents. */
export function residentOf(place: AgentPlace, field: 'VmHWM' | 'VmRSS'): number {
  const sizes = place.pids().map(pid => {
    try {
      const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(
        readFileSync(`/proc/${pid}/status`, 'utf8'),
      );
      return Number(match?.[1] ?? 0) * 1024;
    } catch {
      return 0;
    }
  });
  return Math.max(0, ...sizes);
}
