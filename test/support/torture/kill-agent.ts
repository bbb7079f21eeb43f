/**
 * Agents and pushes killed at random while a server under load archives through them: every segment is archived once,
 * unchanged and in the order of need, and no file or process is left.
 */
import assert from 'node:assert/strict';
import { readdirSync, statSync, utimesSync } from 'node:fs';
import { basename, join } from 'node:path';
import { windowFiles } from '../../../src/agent/push-ahead/look-ahead.ts';
import { readControlFile } from '../../../src/postgres/cluster/control-file.ts';
import { parseWalFileName } from '../../../src/postgres/wal/file-name.ts';
import type { AgentPlace } from '../site/agents.ts';
import { archivedSegments } from '../site/cycle.ts';
import { runLoad } from '../site/load.ts';
import type { PostgresServer } from '../servers/postgres-server.ts';
import { until, type Site } from '../site/site.ts';
import { allArchived, readyCount } from './all-archived.ts';
import { Auditor } from './audit.ts';
import { Killer, type KillerOptions } from './killer.ts';
import { Originals } from './originals.ts';
import { readArchiver } from '../../../src/postgres/server/archiver.ts';

export interface KillAgentFigures {
  readonly segments: number;
  readonly killedAgents: number;
  readonly killedPushes: number;
  /** Warnings of pushes whose agent was killed while they waited. */
  readonly interruptedAnswers: number;
  readonly failedAttempts: number;
  readonly temporaryFilesRemoved: number;
}

export interface KillAgentOptions extends KillerOptions {
  readonly segments: number;
}

/** What `killAgents` needs of the server, whose segments have 1 MiB and which archives with the place's environment. */
export const killAgentConf = { wal_keep_size: '512MB', max_wal_size: '1GB' } as const;

export async function killAgents(
  { site, server, place }: { site: Site; server: PostgresServer; place: AgentPlace },
  { segments, ...often }: KillAgentOptions,
): Promise<KillAgentFigures> {
  const loading = new AbortController();
  const load = runLoad(server, {
    transactions: Infinity,
    rowBytes: 1000,
    pauseMs: 40,
    signal: loading.signal,
  });
  load.catch(() => undefined);
  const originals = new Originals(server);
  const killing = new Killer(site, place, often);
  try {
    await writeUntil(server, segments, originals);
    loading.abort();
    await load;
    await allArchived(server, 300_000);
  } finally {
    loading.abort();
    await killing.end();
  }
  const killed = await killing.end();
  originals.take();
  const log = server.log();
  assertExpected(log, killed.pushes);
  const temporaryFilesRemoved = await auditAll(site, server, originals);
  const { failedCount } = await readArchiver(server);
  return {
    segments: originals.digests.size,
    killedAgents: killed.agents,
    killedPushes: killed.pushes,
    interruptedAnswers: log.split('the agent did not answer').length - 1,
    failedAttempts: failedCount,
    temporaryFilesRemoved,
  };
}

async function writeUntil(server: PostgresServer, segments: number, originals: Originals): Promise<void> {
  await server.query('create table if not exists bulk(n int, t text)');
  for (let round = 1; originals.digests.size < segments; round++) {
    // Not too far ahead: what lies in pg_wal must fit on the disk.
    await until('the archiver follows', async () => {
      // A connection wakes the postmaster, which may have an archiver to start (allArchived).
      await server.query('select 1');
      return readyCount(server) < 200;
    });
    await server.query(`insert into bulk select n, md5(n::text) from generate_series(1, 12000) n`);
    await server.query('select pg_switch_wal()');
    if (round % 50 === 0) await server.query('truncate bulk, ledger');
    originals.take();
  }
}

/** Once the server has stopped, no agent and none of its files may be there. */
export async function assertNothingIsLeft(place: AgentPlace): Promise<void> {
  await until('the agents have left', () => place.pids().length === 0, 60_000);
  assert.deepEqual(place.files(), []);
}

/** A push that was killed ends PostgreSQL's archiver, which starts again; nothing else may be amiss. */
function assertExpected(log: string, killedPushes: number): void {
  assert.doesNotMatch(
    log,
    /terminating any other|PANIC|could not rename|archive command failed with exit code (?!137)/,
  );
  const archiverDeaths =
    log.match(/archive command (?:was terminated by signal 9|failed with exit code 137)/g) ?? [];
  assert.ok(archiverDeaths.length <= killedPushes, `${archiverDeaths.length} of ${killedPushes}`);
  const unexpected = log
    .split('\n')
    .filter(line => line.startsWith('walvault: ') && !line.includes('the agent did not answer'));
  assert.deepEqual(unexpected, []);
}

/** @returns how many temporary files of killed writers `cleanup` has removed: all */
async function auditAll(site: Site, server: PostgresServer, originals: Originals): Promise<number> {
  const { systemId } = await readControlFile(server.dataDirectory, new AbortController().signal);
  const { walDigests, temporaryFiles } = await new Auditor(site, systemId).audit();
  const archived = new Map([...walDigests].map(([key, digest]) => [basename(key), digest]));
  assert.equal(archived.size, walDigests.size, 'one key a segment');
  for (const [name, digest] of originals.digests) assert.equal(archived.get(name), digest, name);
  assert.deepEqual(missingNumbers([...archived.keys()]), []);
  assertOrder(site);
  // As old as what cleanup takes for a dead writer's.
  for (const path of temporaryFiles) utimesSync(path, 1, 1);
  const cleaned = await site.walvault(['cleanup', '--recovery-window', '14d']);
  assert.equal(cleaned.exitCode, 0, cleaned.stderr);
  const names = readdirSync(site.repositoryPath, { recursive: true, encoding: 'utf8' });
  assert.deepEqual(
    names.filter(name => name.endsWith('.walvault-tmp')),
    [],
  );
  assert.ok(archivedSegments(site).length >= originals.digests.size, 'cleanup has kept all');
  return temporaryFiles.length;
}

function missingNumbers(names: readonly string[]): number[] {
  const numbers = new Set<number>();
  for (const name of names) {
    const file = parseWalFileName(name);
    if (file?.kind === 'segment') numbers.add(file.log * 4096 + file.seg);
  }
  const sorted = [...numbers].sort((a, b) => a - b);
  const [first = 0] = sorted;
  return Array.from({ length: (sorted.at(-1) ?? first) - first }, (_, index) => first + index).filter(
    number => !numbers.has(number),
  );
}

/** Nothing is put further ahead of a missing one than the agent looks. */
function assertOrder(site: Site): void {
  const changedAt = archivedSegments(site).map(path => statSync(join(site.repositoryPath, path)).ctimeMs);
  let earliestMs = Infinity;
  for (let index = changedAt.length - 1; index >= windowFiles; index--) {
    earliestMs = Math.min(earliestMs, changedAt[index] ?? Infinity);
    const beforeMs = changedAt[index - windowFiles] ?? 0;
    assert.ok(beforeMs <= earliestMs, `segment ${index - windowFiles} came after one beyond the window`);
  }
}
