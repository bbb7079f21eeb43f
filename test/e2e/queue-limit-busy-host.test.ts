/**
 * `archive.queue-limit` on a host that is at fault itself: a process that was stopped, or has next to nothing of a
 * processor, never gives up a segment that a healthy store would take; one whose store is away does, in time.
 */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { errorCodes } from '../../src/base/errors/errors.ts';
import { readControlFile } from '../../src/postgres/cluster/control-file.ts';
import { archivedSegments } from '../support/site/cycle.ts';
import type { RunOptions, RunResult } from '../support/site/run.ts';
import { createSite, type Site } from '../support/site/site.ts';
import { createS3Site } from '../support/site/store-site.ts';
import { startPostgres, type PostgresServer } from '../support/servers/postgres-server.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';
import { makeSegment } from '../support/wal/wal.ts';

/** More than twice the limit waits: the repository's first answer may then take a second. */
const env = { WALVAULT_ARCHIVE_QUEUE_LIMIT: '16MiB', WALVAULT_ARCHIVE_TIMEOUT: '2min' };
const waitingSegments = 3;
const contactMs = 1000;

let server: PostgresServer;
const records = () => join(server.dataDirectory, '.walvault-lost-wal');

beforeAll(async () => {
  server = await startPostgres({ start: false, initdbArgs: ['--wal-segsize=16'] });
});

afterAll(() => server[Symbol.asyncDispose]());

type Pushing = Parameters<NonNullable<RunOptions['onStart']>>[0];

let next = 20;

/** Pushes the oldest of the segments that wait, a new one each time. */
async function push(
  site: Site,
  onStart: (pushing: Pushing) => void = () => undefined,
): Promise<RunResult & { readonly name: string }> {
  rmSync(records(), { recursive: true, force: true });
  const walDirectory = join(server.dataDirectory, 'pg_wal');
  const { signal } = new AbortController();
  const { systemId, geometry } = await readControlFile(server.dataDirectory, signal);
  const number = BigInt(next++);
  const names = Array.from({ length: waitingSegments }, (_, index) =>
    geometry.nameOf(1, number + BigInt(index)),
  );
  const [name = ''] = names;
  const segment = makeSegment({ timeline: 1, number, systemId, segmentSizeBytes: geometry.segmentSizeBytes });
  writeFileSync(join(walDirectory, name), randomFillSync(segment, 4096));
  for (const waiting of names) writeFileSync(join(walDirectory, 'archive_status', `${waiting}.ready`), '');
  giveToUnprivileged(walDirectory);
  const result = await site.walvault(['push', `pg_wal/${name}`], {
    cwd: server.dataDirectory,
    env,
    timeoutMs: 240_000,
    onStart,
  });
  rmSync(join(walDirectory, 'archive_status', `${name}.ready`));
  return { ...result, name };
}

/** In turns runs for a moment and stands still for longer than the repository may be silent. */
function hobble({ kill }: Pushing): void {
  let isStopped = false;
  const turn = () => {
    isStopped = !isStopped;
    kill(isStopped ? 'SIGSTOP' : 'SIGCONT');
    setTimeout(turn, isStopped ? contactMs + 200 : 40).unref();
  };
  turn();
}

/** PostgreSQL repeats a push that was out of time; a loss cannot be repeated. */
function assertNotGivenUp({ exitCode, stderr }: RunResult): void {
  assert.equal(existsSync(records()), false, stderr);
  assert.doesNotMatch(stderr, /GIVEN UP/);
  assert.ok(exitCode === 0 || exitCode === errorCodes.unreachable, stderr);
}

describe('over archive.queue-limit, with S3', () => {
  let store: Awaited<ReturnType<typeof createS3Site>>;
  beforeAll(async () => {
    store = await createS3Site();
  });
  afterAll(() => store.close());
  const isStored = (name: string) =>
    [...store.server.contents.objects.keys()].some(key => key.endsWith(`/${name}`));

  for (const key of [/walvault\.json$/, /cluster\.json$/]) {
    it(`a process that stands still while ${key.source} is answered archives the segment`, async () => {
      await push(store.site);
      store.server.faults.inject({ method: 'GET', key, effect: { kind: 'delay', ms: 400 } });
      const seenBefore = store.server.requests.length;
      const result = await push(store.site, pushing => {
        const watch = setInterval(() => {
          const isAsked = store.server.requests.slice(seenBefore).some(request => key.test(request.key));
          if (!isAsked) return;
          clearInterval(watch);
          pushing.kill('SIGSTOP');
          void delay(contactMs + 1500).then(() => pushing.kill('SIGCONT'));
        }, 5);
      });
      assertNotGivenUp(result);
      assert.deepEqual([result.exitCode, isStored(result.name)], [0, true], result.stderr);
    });
  }

  it('a process with next to nothing of a processor does not lose it', async () => {
    const result = await push(store.site, hobble);
    assertNotGivenUp(result);
    assert.equal(isStored(result.name), result.exitCode === 0);
  });

  it('a store that no longer answers is not waited for until archive.timeout', async () => {
    store.server.faults.inject({ times: 1000, effect: { kind: 'stall' } });
    const result = await push(store.site);
    store.server.faults.clear();
    assert.equal(result.exitCode, 0, result.stderr);
    assert.match(result.stderr, /IS GIVEN UP and not archived: .*no answer within/);
    assert.ok(result.elapsedMs < 60_000, `${result.elapsedMs} ms`);
    assert.equal(existsSync(join(records(), `${result.name}.json`)), true);
  });

  it('nor one that refuses the connection', async () => {
    await store.server.close();
    const result = await push(store.site);
    assert.equal(result.exitCode, 0, result.stderr);
    assert.match(result.stderr, /IS GIVEN UP and not archived: .*connection refused/);
    assert.ok(result.elapsedMs < 60_000, `${result.elapsedMs} ms`);
  });
});

describe('over archive.queue-limit, with a directory', () => {
  it('a process with next to nothing of a processor does not lose the segment', async () => {
    const site = await createSite();
    const result = await push(site, hobble);
    assertNotGivenUp(result);
    assert.equal(archivedSegments(site).length, result.exitCode === 0 ? 1 : 0);
  });
});
