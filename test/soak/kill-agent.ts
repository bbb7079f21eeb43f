/** Agents killed at random while a server archives through them: every segment is archived once, and nothing is left. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseWalFileName } from '../../src/postgres/wal/file-name.ts';
import { readControlFile } from '../../src/postgres/cluster/control-file.ts';
import type { AgentPlace } from '../harness/agents.ts';
import type { PostgresServer } from '../harness/postgres-server.ts';
import { until, type Site } from '../harness/site.ts';
import { allArchived, readyCount } from './all-archived.ts';
import { Auditor } from './audit.ts';

export interface KillAgentFigures {
  readonly segments: number;
  readonly killed: number;
  /** Warnings of pushes whose agent was killed while they waited. */
  readonly interruptedAnswers: number;
  readonly failedAttempts: number;
}

export interface KillAgentOptions {
  readonly segments: number;
  /** Mean time between two kills. */
  readonly everyMs: number;
}

/** The server has segments of 1 MiB and archives to `site` with the place's environment. */
export async function killAgents(
  { site, server, place }: { site: Site; server: PostgresServer; place: AgentPlace },
  { segments, everyMs }: KillAgentOptions,
): Promise<KillAgentFigures> {
  const killing = new AbortController();
  const kills = killRepeatedly(place, everyMs, killing.signal);
  await server.query('create table if not exists bulk(n int, t text)');
  let written = 0;
  while (written < segments) {
    // Not too far ahead: what lies in pg_wal must fit on the disk.
    await until('the archiver follows', () => readyCount(server) < 200);
    await server.query(`insert into bulk select n, md5(n::text) from generate_series(1, 12000) n`);
    await server.query('select pg_switch_wal()');
    written = await segmentsSoFar(server);
    if (written % 50 === 0) await server.query('truncate bulk');
  }
  await allArchived(server, 300_000);
  killing.abort();
  const killed = await kills;
  assert.equal(missingSegments(site, await segmentsSoFar(server)), 0);
  const { systemId } = await readControlFile(server.dataDirectory, new AbortController().signal);
  await new Auditor(site, systemId).audit();
  const log = server.log();
  assert.doesNotMatch(log, /terminating any other|archive command was terminated|PANIC|could not rename/);
  const unexpected = log
    .split('\n')
    .filter(line => line.startsWith('walvault: ') && !line.includes('the agent did not answer'));
  assert.deepEqual(unexpected, []);
  const [row] = await server.query<{ failed: string }>('select failed_count as failed from pg_stat_archiver');
  return {
    segments,
    killed,
    interruptedAnswers: log.split('the agent did not answer').length - 1,
    failedAttempts: Number(row?.failed),
  };
}

/** Once the server has stopped, no agent and none of its files may be there. */
export async function assertNothingIsLeft(place: AgentPlace): Promise<void> {
  await until('the agents have left', () => place.pids().length === 0, 15_000);
  assert.deepEqual(place.files(), []);
}

async function killRepeatedly(place: AgentPlace, everyMs: number, signal: AbortSignal): Promise<number> {
  let killed = 0;
  while (!signal.aborted) {
    await delay(everyMs * 2 * Math.random());
    for (const pid of place.pids()) {
      try {
        process.kill(pid, 'SIGKILL');
        killed++;
      } catch {
        // It has just left.
      }
    }
  }
  return killed;
}

async function segmentsSoFar(server: PostgresServer): Promise<number> {
  const [row] = await server.query<{ lsn: string }>("select pg_current_wal_lsn() - '0/0' as lsn");
  return Math.floor(Number(row?.lsn) / 1024 ** 2) - 1;
}

/** Of all numbers between the first archived one and `last`, those that the repository has no object for. */
function missingSegments(site: Site, last: number): number {
  const paths = readdirSync(join(site.repositoryPath, 'orders'), { recursive: true, encoding: 'utf8' });
  const numbers = new Set<number>();
  for (const path of paths) {
    const file = parseWalFileName(basename(path));
    if (file?.kind === 'segment') numbers.add(file.log * 4096 + file.seg);
  }
  let missing = 0;
  for (let number = Math.min(...numbers); number <= last; number++) if (!numbers.has(number)) missing++;
  return missing;
}
