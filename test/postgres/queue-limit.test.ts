import assert from 'node:assert/strict';
import { chownSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, it } from 'vitest';
import { WalvaultError, type ErrorCode } from '../../src/base/errors/errors.ts';
import { silentLog, wordsInto } from '../support/logs.ts';
import type { Words } from '../../src/observe/words/table.ts';
import { PushMemory } from '../../src/operations/push/push-memory.ts';
import type { PushOptions } from '../../src/operations/push/options.ts';
import { push, type PushResult } from '../../src/operations/push/push.ts';
import { pushMissing } from '../../src/operations/push/push-missing.ts';
import { readControlFile, type ControlFile } from '../../src/postgres/cluster/control-file.ts';
import { classifyBackupPath } from '../../src/postgres/cluster/backup-selection.ts';
import { lossRecordsDirectory, readLossRecords } from '../../src/repository/wal/loss-records.ts';
import { surveySystem } from '../../src/repository/survey.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { StoreError, type StoreErrorKind } from '../../src/stores/store.ts';
import { makeRepository, overrideStore, signal } from '../support/site/archive.ts';
import { startPostgres } from '../support/servers/postgres-server.ts';
import { makeSegment } from '../support/wal/wal.ts';

let dataDirectory: string;
let walDirectory: string;
let control: ControlFile;
let repository: Repository;
let events: Words[];

beforeAll(async () => {
  const server = await startPostgres({ start: false, initdbArgs: ['--wal-segsize=1'] });
  dataDirectory = server.dataDirectory;
  walDirectory = join(dataDirectory, 'pg_wal');
  control = await readControlFile(dataDirectory, signal);
  // The server is not started: push runs as who owns its directory.
  chownSync(dataDirectory, process.geteuid?.() ?? 0, process.getegid?.() ?? 0);
});

beforeEach(async () => {
  repository = await makeRepository();
  events = [];
  rmSync(join(dataDirectory, lossRecordsDirectory), { recursive: true, force: true });
  for (const name of readdirSync(join(walDirectory, 'archive_status')))
    rmSync(join(walDirectory, 'archive_status', name));
});

const limit = 2 * 1024 ** 2;
const nameOf = (number: number, timeline = 1) => control.geometry.nameOf(timeline, BigInt(number));

/** Segments in pg_wal that wait to be archived; the path of the first. */
function waiting(...numbers: readonly number[]): string {
  const { systemId } = control;
  const { segmentSizeBytes } = control.geometry;
  for (const number of numbers) {
    const made = { timeline: 1, number: BigInt(number), systemId, segmentSizeBytes, fill: number % 251 };
    writeFileSync(join(walDirectory, nameOf(number)), makeSegment(made));
    writeFileSync(join(walDirectory, 'archive_status', `${nameOf(number)}.ready`), '');
  }
  return join(walDirectory, nameOf(numbers[0] ?? 0));
}

function failing(kind: StoreErrorKind, name = 'main'): Promise<Repository> {
  return makeRepository({ name }).then(made => ({
    ...made,
    store: overrideStore(made.store, { get: () => Promise.reject(new StoreError(kind, `${kind} today`)) }),
  }));
}

function takingNoWal(): Repository {
  const put: Repository['store']['put'] = (key, ...rest) =>
    key.includes('/wal/')
      ? Promise.reject(new StoreError('unreachable', 'cut in the middle'))
      : repository.store.put(key, ...rest);
  return { ...repository, store: overrideStore(repository.store, { put }) };
}

function options(more: Partial<PushOptions> = {}): Omit<PushOptions, 'path'> {
  return {
    cluster: 'orders',
    dataDirectory,
    repositories: [repository],
    headerCheck: true,
    timeoutMs: 60_000,
    queueLimitBytes: limit,
    log: wordsInto(events),
    signal,
    ...more,
  };
}

const send = (path: string, more: Partial<PushOptions> = {}): Promise<PushResult> =>
  push({ ...options(more), path });

const recorded = async () => (await readLossRecords(dataDirectory, silentLog)).map(({ segment }) => segment);

async function notedIn(repository: Repository) {
  const system = { cluster: 'orders', systemId: control.systemId };
  const losses = await surveySystem(repository, system, signal).lostWal(control.geometry);
  return losses.map(({ first, last }) => [Number(first), Number(last)]);
}

async function refuses(work: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(work, error => error instanceof WalvaultError && error.code === code);
  assert.deepEqual(await recorded(), []);
}

describe('push over archive.queue-limit', () => {
  // The push may take a minute: a repository that is away is not waited for.
  it(
    'gives up the oldest segment at once, says so loudly, and has it recorded by then',
    { timeout: 30_000 },
    async () => {
      const path = waiting(20, 21, 22);
      const result = await send(path, { repositories: [await failing('unreachable')] });
      assert.deepEqual(result.givenUpIn, ['main']);
      assert.deepEqual(await recorded(), [nameOf(20)]);
      const [loud] = events.filter(({ level }) => level === 'error');
      assert.match(loud?.message ?? '', new RegExp(`${nameOf(20)} IS GIVEN UP .*3 segments \\(3\\.0 MiB\\) wait.*queue-limit \\(2\\.0 MiB\\).*unreachable today`)); // prettier-ignore
    },
  );

  it('asks a second time before it gives anything up', async () => {
    for (const kind of ['unreachable', 'denied', 'no-container'] as const) {
      const made = await makeRepository();
      let asked = 0;
      const get: typeof made.store.get = (...args) =>
        ++asked === 1 ? Promise.reject(new StoreError(kind, 'an unlucky moment')) : made.store.get(...args);
      const unlucky = { ...made, store: overrideStore(made.store, { get }) };
      const result = await send(waiting(20, 21, 22), { repositories: [unlucky] });
      assert.deepEqual([...result.outcomes], [['main', 'created']]);
    }
    assert.deepEqual(await recorded(), []);
  });

  it('gives up what a repository that answers could not take in the whole time of the push', async () => {
    const result = await send(waiting(20, 21, 22), { repositories: [takingNoWal()], timeoutMs: 2000 });
    assert.deepEqual(result.givenUpIn, ['main']);
    assert.deepEqual(await recorded(), [nameOf(20)]);
  });

  it('does not blame a repository for what this host spent of the time', async () => {
    const repositories = [takingNoWal()];
    const path = waiting(20, 21, 22);
    for (const readingMs of [800, 1500]) {
      const memory = new PushMemory({ isForOneFile: false, repositories: [] });
      setTimeout(await memory.turns.take(), readingMs);
      await refuses(send(path, { repositories, memory, timeoutMs: 1000 }), 'unreachable');
    }
  });

  it('archives it all the same where the store answers', async () => {
    const result = await send(waiting(20, 21, 22));
    assert.deepEqual([[...result.outcomes], result.givenUpIn], [[['main', 'created']], undefined]);
    assert.deepEqual(await recorded(), []);
  });

  it('fails as ever at the limit, without one, out of turn, by hand, and for --missing', async () => {
    const repositories = [await failing('denied')];
    await refuses(send(waiting(20, 21), { repositories }), 'denied');
    const path = waiting(20, 21, 22);
    await refuses(send(path, { repositories, queueLimitBytes: undefined }), 'denied');
    await refuses(send(join(walDirectory, nameOf(21)), { repositories }), 'denied');
    await refuses(send(path, { repositories, isMissingRun: true }), 'denied');
    await refuses(send(path, { repositories, asConflict: true }), 'denied');
    rmSync(join(walDirectory, 'archive_status', `${nameOf(20)}.ready`));
    waiting(23);
    await refuses(send(path, { repositories }), 'denied');
  });

  it('never gives up a history, a backup file or a partial', async () => {
    const repositories = [await failing('no-container')];
    const segment = waiting(20, 21, 22);
    for (const name of ['00000002.history', `${nameOf(19)}.00000028.backup`]) {
      writeFileSync(join(walDirectory, name), '1\t0/2000000\tno reason\n');
      writeFileSync(join(walDirectory, 'archive_status', `${name}.ready`), '');
      await refuses(send(join(walDirectory, name), { repositories }), 'not-a-repository');
      rmSync(join(walDirectory, name));
    }
    const partial = `${segment}.partial`;
    writeFileSync(partial, makeSegment({ timeline: 1, number: 20n, systemId: control.systemId, segmentSizeBytes: control.geometry.segmentSizeBytes, fill: 1 })); // prettier-ignore
    await refuses(send(partial, { repositories }), 'not-a-repository');
    rmSync(partial);
  });

  it('never gives up for a conflict, a wrong place or a fault, also if another store is away', async () => {
    const away = await failing('unreachable', 'away');
    const path = waiting(20, 21, 22);
    await send(path);
    const made = {
      timeline: 1,
      number: 20n,
      systemId: control.systemId,
      segmentSizeBytes: control.geometry.segmentSizeBytes,
    };
    writeFileSync(path, makeSegment({ ...made, fill: 200 }));
    await refuses(send(path, { repositories: [repository] }), 'conflict');
    await refuses(send(path, { repositories: [away, repository], timeoutMs: 1000 }), 'unreachable');
    const empty = await makeRepository({ empty: true });
    await refuses(send(path, { repositories: [empty] }), 'not-a-repository');
    await refuses(send(path, { repositories: [{ ...(await makeRepository()), expectedId: 'another' }] }), 'not-a-repository'); // prettier-ignore
  });

  it('fails as ever when the loss cannot be recorded', async () => {
    const path = waiting(20, 21, 22);
    writeFileSync(join(dataDirectory, lossRecordsDirectory), 'in the way');
    await assert.rejects(send(path, { repositories: [await failing('denied')] }), /denied today/);
    assert.ok(events.some(({ message }) => /is not given up, because that cannot be recorded/.test(message)));
    rmSync(join(dataDirectory, lossRecordsDirectory));
  });

  it('is a loss of one repository alone: the others have the segment, and only that one is told', async () => {
    const path = waiting(20, 21, 22);
    const other = await makeRepository({ name: 'other' });
    const away = { ...other, store: overrideStore(other.store, { get: () => Promise.reject(new StoreError('denied', 'no')) }) }; // prettier-ignore
    const result = await send(path, { repositories: [repository, away] });
    assert.deepEqual([[...result.outcomes], result.givenUpIn], [[['main', 'created']], ['other']]);
    rmSync(join(walDirectory, 'archive_status', `${nameOf(20)}.ready`));
    await send(join(walDirectory, nameOf(21)), { repositories: [repository, other] });
    assert.deepEqual([await notedIn(repository), await notedIn(other)], [[], [[20, 20]]]);
    assert.deepEqual(await recorded(), []);
  });
});

describe('the records of losses', () => {
  async function lose(...numbers: readonly number[]): Promise<void> {
    waiting(...numbers, 90, 91);
    for (const number of numbers) {
      await send(join(walDirectory, nameOf(number)), { repositories: [await failing('denied')] });
      rmSync(join(walDirectory, 'archive_status', `${nameOf(number)}.ready`));
      writeFileSync(join(walDirectory, 'archive_status', `${nameOf(number)}.done`), '');
    }
    assert.equal((await recorded()).length, numbers.length);
  }

  it('reach the repository with the next push that succeeds, also when the limit is no longer set', async () => {
    await lose(20, 21);
    await send(join(walDirectory, nameOf(90)), { queueLimitBytes: undefined });
    assert.deepEqual([await notedIn(repository), await recorded()], [[[20, 21]], []]);
  });

  it('do not fail the push when they cannot be delivered, and stay', async () => {
    await lose(20);
    const put: Repository['store']['put'] = (key, ...rest) =>
      key.includes('/notes/') ? Promise.reject(new StoreError('denied', 'no notes')) : repository.store.put(key, ...rest); // prettier-ignore
    const noteless = { ...repository, store: overrideStore(repository.store, { put }) };
    assert.equal((await send(join(walDirectory, nameOf(90)), { repositories: [noteless] })).outcomes.size, 1);
    assert.deepEqual(await recorded(), [nameOf(20)]);
  });

  it('go without a note where push --missing still finds the segment', async () => {
    await lose(20, 21);
    rmSync(join(walDirectory, nameOf(21)));
    const { failed } = await pushMissing(options());
    assert.deepEqual(failed, []);
    assert.deepEqual([await notedIn(repository), await recorded()], [[[21, 21]], []]);
  });

  it('are left out of base backups', async () => {
    await lose(20);
    assert.equal(classifyBackupPath(lossRecordsDirectory, 'directory'), 'skip');
  });
});
