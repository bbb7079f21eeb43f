/** One drain of a backlog by one archiver, between two measurements of zstd that show the other load of the machine. */
import { spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { AgentPlace } from '../../test/support/site/agents.ts';
import type { PostgresServer } from '../../test/support/servers/postgres-server.ts';
import { setting } from '../../test/support/site/site.ts';
import { readyCount } from '../../test/support/torture/all-archived.ts';
import { endAgents, onlyAgent, residentBytes } from './agent-process.ts';
import type { Backlog } from './backlog.ts';
import type { Drainer } from './drainers.ts';
import { compressAll } from './zstd.ts';
import { readArchiver } from '../../src/postgres/server/archiver.ts';

export interface Drained {
  readonly perSecond: number;
  readonly zstdPerSecond: number;
  /** Files that the archiver asked for, a process each. */
  readonly asked: number;
  /** The most that the agent took; undefined where there is none. */
  readonly agentBytes: number | undefined;
  /** Of the store's server, for each segment. */
  readonly serverCpuMs: number | undefined;
}

/** `andThen`: while the server and the agent are still there. @throws Error when an attempt failed */
export async function drain(
  backlog: Backlog,
  drainer: Drainer,
  andThen?: (place: AgentPlace) => Promise<void>,
): Promise<Drained> {
  const { names, walDirectory } = backlog;
  const { env, place } = await drainer.prepare();
  // What earlier work left to be written out must not be paid by the next.
  spawnSync('sync');
  const zstdBefore = await compressAll(walDirectory, names);
  await using server = await backlog.serve(env);
  const command = await drainer.archiveCommand(server);
  const before = await countsOf(server, drainer);
  setting(server, 'archive_command', `'${command}'`);
  const drainMs = await timeOfDraining(server);
  const after = await countsOf(server, drainer);
  if (after.failed > before.failed) throw new Error(`an attempt failed:\n${server.logTail()}`);
  const agentBytes = place && residentBytes(onlyAgent(place), 'VmHWM');
  if (place !== undefined) await andThen?.(place);
  await server.stop();
  if (place !== undefined) await endAgents(place);
  const zstdAfter = await compressAll(walDirectory, names);
  return {
    perSecond: (names.length / drainMs) * 1000,
    zstdPerSecond: (zstdBefore + zstdAfter) / 2,
    asked: after.asked - before.asked,
    agentBytes,
    serverCpuMs:
      after.serverCpuMs === undefined || before.serverCpuMs === undefined
        ? undefined
        : (after.serverCpuMs - before.serverCpuMs) / names.length,
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

async function countsOf(server: PostgresServer, { store }: Drainer) {
  const { archivedCount: asked, failedCount: failed } = await readArchiver(server);
  const serverCpuMs = await store.serverCpuMs?.();
  return { asked, failed, serverCpuMs };
}
