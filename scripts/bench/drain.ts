/**
 * `npm run bench -- drain`: how fast a backlog becomes durable through PostgreSQL's own archiver, beside what zstd alone
 * takes for the same files. zstd is measured before and after each drain, so that what else the machine does meets both.
 */
import { spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { AgentPlace } from '../../test/harness/agents.ts';
import type { PostgresServer } from '../../test/harness/postgres-server.ts';
import { createSite, setting } from '../../test/harness/site.ts';
import { readyCount } from '../../test/soak/all-archived.ts';
import { endAgents, onlyAgent, residentBytes, watchIdle } from './agent-process.ts';
import { idleFigures, memoryFigures } from './agent-figures.ts';
import { makeBacklog, type Backlog } from './backlog.ts';
import { median } from './command.ts';
import { walvaultDrainers, type Drainer } from './drainers.ts';
import type { Figure } from './figure.ts';
import { forgetFiles } from './repository-files.ts';
import { startS3Site } from './s3-site.ts';
import { compressAll } from './zstd.ts';

export interface DrainBenchOptions {
  readonly segments: number;
  readonly rounds: number;
}

export interface Drained {
  readonly perSecond: number;
  readonly zstdPerSecond: number;
  /** Files that the archiver asked for, a process each. */
  readonly asked: number;
  readonly agentBytes?: number;
  readonly storeCpuMs?: number;
}

export async function benchDrain({ segments, rounds }: DrainBenchOptions): Promise<Figure[]> {
  const backlog = await makeBacklog(segments);
  const directory = await createSite();
  await using s3 = await startS3Site();
  const drainers = [
    ...walvaultDrainers({
      name: 'a directory',
      site: directory,
      forget: async () => forgetFiles(directory.repositoryPath),
    }),
    ...walvaultDrainers({ name: 'S3 over TLS', ...s3 }),
  ];
  const drained = new Map<Drainer, Drained[]>(drainers.map(drainer => [drainer, []]));
  for (let round = 0; round < rounds; round++)
    for (const drainer of drainers) {
      const result = await drain(backlog, drainer);
      drained.get(drainer)?.push(result);
      console.log(progressOf(drainer, result));
    }
  return [
    ...drainers.map(drainer => figureOf(drainer, drained.get(drainer) ?? [])),
    ...memoryFigures(drained),
    ...(await figuresOfIdleAgent(backlog, drainers)),
  ];
}

/** Of one that has just drained the backlog. */
async function figuresOfIdleAgent(backlog: Backlog, [drainer]: readonly Drainer[]): Promise<Figure[]> {
  if (drainer === undefined) return [];
  const figures: Figure[] = [];
  await drain(backlog, drainer, async place => {
    figures.push(...idleFigures(await watchIdle(onlyAgent(place))));
  });
  return figures;
}

/** `andThen`: while the server and the agent are still there. */
async function drain(
  backlog: Backlog,
  drainer: Drainer,
  andThen?: (place: AgentPlace) => Promise<void>,
): Promise<Drained> {
  const { env, place } = await drainer.prepare();
  // What earlier work left to be written out must not be paid by the next.
  spawnSync('sync');
  const zstdBefore = await compressAll(backlog.walDirectory, backlog.names);
  await using server = await backlog.serve(env);
  const command = await drainer.archiveCommand(server);
  const before = { ...(await countsOf(server)), storeCpuMs: await drainer.storeCpuMs?.() };
  setting(server, 'archive_command', `'${command}'`);
  const drainMs = await timeOfDraining(server);
  const { asked, failed } = await countsOf(server);
  if (failed > before.failed) throw new Error(`an attempt failed:\n${server.logTail()}`);
  const storeCpuMs = await drainer.storeCpuMs?.();
  const agentBytes = place && residentBytes(onlyAgent(place), 'VmHWM');
  if (place !== undefined) await andThen?.(place);
  await server.stop();
  if (place !== undefined) await endAgents(place);
  const zstdAfter = await compressAll(backlog.walDirectory, backlog.names);
  return {
    perSecond: (backlog.names.length / drainMs) * 1000,
    zstdPerSecond: (zstdBefore + zstdAfter) / 2,
    asked: asked - before.asked,
    ...(agentBytes !== undefined && { agentBytes }),
    ...(storeCpuMs !== undefined && {
      storeCpuMs: (storeCpuMs - (before.storeCpuMs ?? 0)) / backlog.names.length,
    }),
  };
}

/** From archive_command's coming into force to the last `.ready`. */
async function timeOfDraining(server: PostgresServer): Promise<number> {
  const startedAt = performance.now();
  await server.query('select pg_reload_conf()');
  while (readyCount(server) > 0) {
    if (performance.now() - startedAt > 600_000) throw new Error(`not drained:\n${server.logTail()}`);
    await delay(20);
  }
  return performance.now() - startedAt;
}

async function countsOf(server: PostgresServer): Promise<{ asked: number; failed: number }> {
  const [row] = await server.query<{ asked: string; failed: string }>(
    'select archived_count as asked, failed_count as failed from pg_stat_archiver',
  );
  return { asked: Number(row?.asked), failed: Number(row?.failed) };
}

function ratioOf({ perSecond, zstdPerSecond }: Drained): number {
  return perSecond / zstdPerSecond;
}

function progressOf({ name }: Drainer, drained: Drained): string {
  const { perSecond, zstdPerSecond, asked, agentBytes, storeCpuMs } = drained;
  const more = [
    `${asked} asked for`,
    ...(agentBytes === undefined ? [] : [`agent ${(agentBytes / 1024 ** 2).toFixed(0)} MiB`]),
    ...(storeCpuMs === undefined ? [] : [`server ${storeCpuMs.toFixed(1)} ms CPU a segment`]),
  ];
  return `${name}: ${perSecond.toFixed(1)} segments/s, zstd ${zstdPerSecond.toFixed(1)}, ${ratioOf(drained).toFixed(2)} (${more.join(', ')})`;
}

function figureOf({ name, atLeast }: Drainer, drained: readonly Drained[]): Figure {
  const rate = median(drained.map(({ perSecond }) => perSecond)).toFixed(1);
  const zstd = median(drained.map(({ zstdPerSecond }) => zstdPerSecond)).toFixed(1);
  return {
    what: name,
    measured: `${rate} segments/s`,
    beside: `zstd -1 --check: ${zstd} segments/s`,
    value: { number: median(drained.map(ratioOf)), ...(atLeast !== undefined && { limit: { atLeast } }) },
  };
}
