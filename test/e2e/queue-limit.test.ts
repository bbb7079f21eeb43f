/**
 * `archive.queue-limit` from the built executable: the archive goes away under a real archiver, the server goes on, and
 * what that cost is known to everything that reads the archive afterwards (docs/queue-limit.md). The tests wait most of
 * their time, so they do it side by side.
 */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { errorCodes } from '../../src/base/errors/errors.ts';
import { agentPlace } from '../support/site/agents.ts';
import { backUp, newDirectory, restoreInto, startCopy } from '../support/site/cycle.ts';
import { archiveEverything, commitRows, createSite, hasOpenedTimeline, outcomeOf, rowsOf, until, type Site } from '../support/site/site.ts'; // prettier-ignore
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { createS3Site } from '../support/site/store-site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { countCalls, runWithFault } from '../support/torture/strace.ts';

const limitSegments = 4;
const limit = { WALVAULT_ARCHIVE_QUEUE_LIMIT: `${limitSegments}MiB` };
/** Nothing here is about how long a fetch may take, whatever else the machine is busy with. */
const patientFetch = { WALVAULT_FETCH_TIMEOUT: '15s' };
const isSegment = (name: string) => /^[0-9A-F]{24}$/.test(name);

interface ListedLoss {
  readonly firstSegment: string;
  readonly lastSegment: string;
  readonly segmentCount: number;
  readonly reason: string;
  readonly signature: { readonly status: string };
}

const statusDirectory = (server: PostgresServer) => join(server.dataDirectory, 'pg_wal', 'archive_status');
const recordsDirectory = (server: PostgresServer) => join(server.dataDirectory, '.walvault-lost-wal');

function waitingSegments(server: PostgresServer): string[] {
  return readdirSync(statusDirectory(server)).filter(name => /^[0-9A-F]{24}\.ready$/.test(name));
}

function recordedSegments(server: PostgresServer): string[] {
  if (!existsSync(recordsDirectory(server))) return [];
  return readdirSync(recordsDirectory(server))
    .filter(name => name.endsWith('.json'))
    .toSorted();
}

async function listedLosses(site: Site): Promise<ListedLoss[]> {
  const listed = await site.walvault(['list', 'wal', '--json']);
  assert.equal(listed.exitCode, 0, listed.stderr);
  const [repository] = JSON.parse(listed.stdout) as { systems: { timelines: { lost: ListedLoss[] }[] }[] }[];
  return repository?.systems.flatMap(({ timelines }) => timelines.flatMap(({ lost }) => lost)) ?? [];
}

test.concurrent('a server whose archive is away goes on, and everything knows what that cost', async () => {
  const site = await createSite();
  const away = `${site.repositoryPath}-away`;
  const origin = await site.startOrigin({ env: limit, conf: { max_wal_size: '4MB', min_wal_size: '2MB' } });
  await commitRows(origin, 1, 2);
  const before = await backUp(site, origin);
  await commitRows(origin, 3, 4);
  await archiveEverything(origin, 240_000);

  // The store is away: the server goes on, and pg_wal stays bounded.
  renameSync(site.repositoryPath, away);
  await commitRows(origin, 5, 17);
  await until('the queue is back at its limit', () => waitingSegments(origin).length <= limitSegments);
  await until('pg_wal is bounded', async () => {
    await origin.query('checkpoint');
    return readdirSync(join(origin.dataDirectory, 'pg_wal')).filter(isSegment).length < 12;
  });
  assert.equal((await rowsOf(origin)).length, 17);
  const recorded = recordedSegments(origin);
  assert.ok(recorded.length >= 13 - limitSegments, `${recorded.length} losses are recorded`);
  assert.match(readFileSync(origin.logPath, 'utf8'), /ERROR: [0-9A-F]{24} IS GIVEN UP and not archived: /);

  // It is back: the next push that succeeds brings the losses into the archive.
  renameSync(away, site.repositoryPath);
  await archiveEverything(origin, 240_000);
  await until('the records are delivered', () => recordedSegments(origin).length === 0);
  const losses = await listedLosses(site);
  assert.equal(
    losses.reduce((sum, { segmentCount }) => sum + segmentCount, 0),
    recorded.length,
  );
  const [first] = losses;
  assert.ok(first);
  assert.equal(`${first.firstSegment}.json`, recorded[0]);
  assert.deepEqual([first.signature.status, /no such directory/.test(first.reason)], ['good', true]);
  assert.match(
    (await site.walvault(['list'])).stdout,
    new RegExp(`${first.firstSegment}.* was given up between .* by `),
  );

  const checked = await site.walvault(['check', '--no-postgres']);
  assert.match(checked.stdout, new RegExp(`warn {2}repository main: ${first.firstSegment}.* was given up`));
  assert.match(checked.stdout, /Nothing after it can be recovered/);

  const systemId = readdirSync(join(site.repositoryPath, 'orders'))[0] ?? '';
  const wanted = join(temporaryDirectory('fetched'), 'segment');
  const fetch = ['fetch', '--system-id', systemId, first.lastSegment, wanted];
  const fetched = await site.walvault(fetch, { env: patientFetch });
  assert.equal(fetched.exitCode, errorCodes['wal-missing'], fetched.stderr);
  assert.match(fetched.stderr, /it was given up between/);

  // A plan across the gap is refused; up to the gap there is one.
  const refused = await site.walvault(['restore', newDirectory()]);
  assert.equal(refused.exitCode, errorCodes['wal-missing'], refused.stderr);
  assert.match(refused.stderr, new RegExp(`${first.firstSegment} is not archived \\(it was given up`));
  await assertRecoveryStops(site);

  // The next backup is told, and from it on all is well.
  const taken = await site.walvault(['backup', '--fast', '--json'], { env: origin.env, timeoutMs: 180_000 });
  assert.equal(taken.exitCode, 0, taken.stderr);
  assert.match(
    taken.stderr,
    new RegExp(`WARNING: .*WAL is lost since backup ${before.id}: ${first.firstSegment}`),
  );
  const { record, lostWal } = JSON.parse(taken.stdout) as {
    record: { id: string };
    lostWal: { firstSegment: string }[];
  };
  assert.equal(lostWal[0]?.firstSegment, first.firstSegment);
  assert.match((await site.walvault(['restore', '--dry-run', newDirectory()])).stdout, new RegExp(record.id));
  const across = await site.walvault(['restore', newDirectory(), '--backup', before.id]);
  assert.equal(across.exitCode, errorCodes['wal-missing'], across.stderr);
  assert.match(across.stderr, new RegExp(`with backup ${record.id}, the first one beyond the gap`));

  await origin.stop();
  await assertRecordedBeforeSuccess(site, origin);
});

test.concurrent(
  'a server whose store accepts and never answers goes on as fast through an agent',
  async () => {
    const place = agentPlace({ ...limit, WALVAULT_ARCHIVE_TIMEOUT: '20s' });
    const { site, server: store, close } = await createS3Site();
    await using origin = await site.startOrigin({ env: place.env });
    try {
      await commitRows(origin, 1, 2);
      await archiveEverything(origin);
      await until('an agent listens', () => place.files().some(name => name.endsWith('.sock')));
      await commitRows(origin, 3, 4);
      await archiveEverything(origin);
      store.faults.inject({ times: Infinity, effect: { kind: 'stall' } });
      await commitRows(origin, 5, 24);
      // What was asked for below the limit has its full time; each that follows 2.5 s, beyond twice the limit.
      const isNearLimit = () => waitingSegments(origin).length <= 2 * limitSegments;
      await until('the queue shrinks', isNearLimit, 90_000);
      const recorded = recordedSegments(origin).length;
      assert.ok(recorded >= 20 - 2 * limitSegments, `${recorded} losses are recorded`);
      store.faults.clear();
      await archiveEverything(origin);
      assert.equal(recordedSegments(origin).length, 0);
      await origin.stop();
    } finally {
      await close();
    }
  },
);

/** By a server that is told of no target, so that PostgreSQL itself would take any end for the right one. */
async function assertRecoveryStops(site: Site): Promise<void> {
  const directory = await restoreInto(site, ['--target-immediate']);
  appendFileSync(
    join(directory, 'postgresql.auto.conf'),
    `recovery_target = ''\nrestore_command = '${site.command('fetch %f "%p"')}'\n`,
  );
  const readerEnv = { ...site.readerEnv, ...patientFetch };
  const copy = await startCopy({ ...site, readerEnv }, directory, { hot_standby: 'off' });
  assert.equal(await outcomeOf(copy), 'exited');
  assert.equal(hasOpenedTimeline(copy, 2), false);
  const log = readFileSync(copy.logPath, 'utf8');
  assert.match(log, /is not the end of the archive: it was given up/);
  assert.match(log, new RegExp(`exit(ed with exit)? code ${200 + errorCodes['wal-missing']}`));
}

/** Each fsync of the record fails once: push must not answer 0 before all of them have succeeded. */
async function assertRecordedBeforeSuccess(site: Site, server: PostgresServer): Promise<void> {
  rmSync(site.repositoryPath, { recursive: true });
  const names = readdirSync(join(server.dataDirectory, 'pg_wal')).filter(isSegment).toSorted();
  const [oldest = ''] = names;
  for (let index = 0; index <= limitSegments; index++)
    writeFileSync(
      join(statusDirectory(server), `${oldest.slice(0, 16)}${String(90_000_000 + index)}.ready`),
      '',
    );
  writeFileSync(join(statusDirectory(server), `${oldest}.ready`), '');
  const push = ['push', `pg_wal/${oldest}`];
  const env = { ...limit, WALVAULT_CONFIG: site.configPath, WALVAULT_ARCHIVE_TIMEOUT: '4min' };
  const options = { cwd: server.dataDirectory, env, timeoutMs: 300_000 };
  const calls = 'fsync,fdatasync';
  for (let nth = 1; nth <= 3; nth++) {
    const failed = await runWithFault(push, { calls, effect: 'error=EIO', nth }, options);
    assert.equal(failed.exitCode, errorCodes['not-a-repository'], failed.stderr);
    assert.match(failed.stderr, /is not given up, because that cannot be recorded: .*input\/output error/);
  }
  assert.equal(await countCalls(push, calls, options), 3, 'the file, its directory, the data directory');
  assert.deepEqual(recordedSegments(server), [`${oldest}.json`]);
}
