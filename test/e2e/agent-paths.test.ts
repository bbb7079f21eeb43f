/** What the agent takes a path for: the same name may be another server's file, and another path the same file. */
import assert from 'node:assert/strict';
import { lstatSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { it } from 'vitest';
import { agentPlace } from '../support/site/agents.ts';
import { archivedSegments } from '../support/site/cycle.ts';
import { startPostgres } from '../support/servers/postgres-server.ts';
import type { Environment } from '../support/site/run.ts';
import { createSite } from '../support/site/site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';
import { makeSegment } from '../support/wal/wal.ts';
import { WalGeometry } from '../../src/postgres/wal/geometry.ts';
import { readControlFile } from '../../src/postgres/cluster/control-file.ts';
import { startForegroundAgent } from '../support/torture/foreground-agent.ts';

const never = new AbortController().signal;
const nameOf = (number: number) => new WalGeometry(1024 ** 2).nameOf(1, BigInt(number));

/** A cluster whose server does not run, with these segments waiting: pushes by hand stand for its archiver's. */
async function createCluster(numbers: readonly number[], initdbArgs: readonly string[] = []) {
  const { dataDirectory } = await startPostgres({
    start: false,
    initdbArgs: ['--wal-segsize=1', ...initdbArgs],
  });
  const { systemId, geometry } = await readControlFile(dataDirectory, never);
  const walDirectory = join(dataDirectory, 'pg_wal');
  for (const number of numbers) {
    const made = makeSegment({
      timeline: 1,
      number: BigInt(number),
      systemId,
      segmentSizeBytes: geometry.segmentSizeBytes,
    });
    writeFileSync(join(walDirectory, nameOf(number)), made);
    writeFileSync(join(walDirectory, 'archive_status', `${nameOf(number)}.ready`), '');
  }
  giveToUnprivileged(dataDirectory);
  giveToUnprivileged(realpathSync(walDirectory));
  const marked = () =>
    readdirSync(join(walDirectory, 'archive_status')).filter(name => name.endsWith('.done'));
  return { dataDirectory, walDirectory, systemId, marked };
}

/** An agent for that cluster, and pushes in its directory. */
async function createArchiver(dataDirectory: string, env: Environment = {}) {
  const site = await createSite();
  const place = agentPlace(env);
  const options = { cwd: dataDirectory, env: place.env };
  const agent = await startForegroundAgent(site, place, { dataDirectory, until: 'listening' });
  return {
    site,
    async push(path: string): Promise<void> {
      const pushed = await site.walvault(['push', path], options);
      assert.equal(pushed.exitCode, 0, pushed.stderr);
    },
    status: () => site.walvault(['agent', 'status'], options),
    async [Symbol.asyncDispose](): Promise<void> {
      agent.child.kill('SIGTERM');
      await agent.ended();
    },
  };
}

it('marks nothing as archived for a push by hand of another server’s segment of that name', async () => {
  const ours = await createCluster([10, 11, 12]);
  const theirs = await createCluster([11]);
  await using archiver = await createArchiver(ours.dataDirectory, { WALVAULT_ARCHIVE_BATCH: 'on' });
  const { site, push } = archiver;
  await push(join(theirs.walDirectory, nameOf(11)));
  assert.deepEqual(ours.marked(), []);
  await push(`pg_wal/${nameOf(10)}`);
  const archived = archivedSegments(site)
    .filter(path => path.startsWith(join('orders', String(ours.systemId))))
    .map(path => basename(path));
  assert.deepEqual(archived, [10, 11, 12].map(nameOf));
  assert.deepEqual(
    ours.marked(),
    [11, 12].map(number => `${nameOf(number)}.done`),
  );
});

it('sends each segment once where pg_wal is a symbolic link', async () => {
  const numbers = [10, 11, 12, 13];
  const cluster = await createCluster(numbers, [`--waldir=${join(temporaryDirectory('wal'), 'of-orders')}`]);
  assert.ok(lstatSync(cluster.walDirectory).isSymbolicLink());
  await using archiver = await createArchiver(cluster.dataDirectory);
  for (const number of numbers) await archiver.push(`pg_wal/${nameOf(number)}`);
  const { stdout } = await archiver.status();
  assert.match(stdout, /^ +4 sent, 0 attempts failed/m);
});
