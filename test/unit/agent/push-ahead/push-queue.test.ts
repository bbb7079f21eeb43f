import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, it } from 'vitest';
import type { ErrorCode } from '../../../../src/base/errors/errors.ts';
import { PushQueue } from '../../../../src/agent/push-ahead/push-queue.ts';
import { ArchiveStatus, type MarkedFiles } from '../../../../src/postgres/cluster/archive-status.ts';
import type { PushAnswer, Sender } from '../../../../src/agent/push-ahead/sender.ts';
import type { Attempt } from '../../../../src/workers/jobs/push-file.ts';
import { silentLog } from '../../../support/logs.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const mebibyte = 1024 ** 2;
const done = {
  kind: 'done',
  isDurable: true,
  isNew: true,
  events: [{ kind: 'creation-not-atomic', repository: 'main' }],
} as const satisfies PushAnswer;
const givenUp: PushAnswer = { kind: 'done', isDurable: false, isNew: false, events: [] };
/** What was sent ahead, answered from memory. */
const known: PushAnswer = { ...done, isNew: false };
const segment = (number: number) =>
  `0000000100000000000000${number.toString(16).toUpperCase().padStart(2, '0')}`;

function failure(code: ErrorCode): PushAnswer {
  return { kind: 'failed', events: [], failure: { code, message: code, retry: code === 'unreachable' } };
}

/** Says whether the queue is looking for what is ready. */
class WatchedStatus extends ArchiveStatus {
  #looks = 0;

  override async read(): Promise<MarkedFiles> {
    this.#looks++;
    try {
      return await super.read();
    } finally {
      this.#looks--;
    }
  }

  async isQuiet(): Promise<void> {
    do await delay(1);
    while (this.#looks > 0);
  }
}

interface BenchOptions {
  isBatch?: boolean;
  jobs?: number;
  isFresh?: boolean;
  limitSegments?: number;
}

/** A data directory and a sender whose files arrive when the test says so. */
async function createBench(options: BenchOptions = {}) {
  const dataDirectory = temporaryDirectory('queue', { keepOwner: true });
  const walDirectory = join(dataDirectory, 'pg_wal');
  const statusDirectory = join(walDirectory, 'archive_status');
  mkdirSync(statusDirectory, { recursive: true });
  mkdirSync(join(dataDirectory, 'global'));
  writeFileSync(join(dataDirectory, 'global/pg_control'), 'SYSTEM-1');
  /** Those of one look in no order: each file is opened before it is sent. In `figures.running` they have theirs. */
  const started: string[] = [];
  const attempts: Attempt[] = [];
  const sending = new Map<string, (answer: PushAnswer) => void>();
  /** A file elsewhere goes by its whole path. */
  const labelOf = (path: string) => (dirname(path) === walDirectory ? basename(path) : path);
  const sender: Sender = {
    send(path, attempt, signal) {
      const label = labelOf(path);
      started.push(label);
      attempts.push(attempt);
      return new Promise(resolve => {
        sending.set(label, resolve);
        signal.addEventListener('abort', () => void bench.arrive(label, failure('interrupted')));
      });
    },
  };
  const status = new WatchedStatus(walDirectory);
  const queue = new PushQueue({
    sender,
    dataDirectory,
    status,
    segmentSizeBytes: mebibyte,
    queueLimitBytes: options.limitSegments && options.limitSegments * mebibyte,
    jobs: options.jobs ?? 4,
    jobsAtEase: options.jobs ?? 4,
    isBatch: options.isBatch ?? false,
    signal: new AbortController().signal,
    log: silentLog,
  });
  const bench = {
    queue,
    started,
    attempts,
    walDirectory,
    statuses: () => readdirSync(statusDirectory).toSorted(),
    ready(...names: string[]) {
      for (const name of names) {
        writeFileSync(join(walDirectory, name), name);
        writeFileSync(join(statusDirectory, `${name}.ready`), '');
      }
    },
    ask: (name: string) => queue.ask(join(walDirectory, name)),
    /** A file by this name that is not this server's: its path. */
    elsewhere(name: string): string {
      const path = join(temporaryDirectory('elsewhere'), name);
      writeFileSync(path, 'another file');
      return path;
    },
    async isSending(...names: string[]) {
      for (let tries = 0; names.some(name => !sending.has(name)); tries++) {
        assert.ok(tries < 400, `${names.join()} not sent, but ${[...sending.keys()].join()}`);
        await delay(5);
      }
    },
    isOnItsWay: (name: string) => sending.has(name),
    async arrive(name: string, answer: PushAnswer = done) {
      await bench.isSending(name);
      sending.get(name)?.(answer);
      sending.delete(name);
    },
    /** Nothing stays on its way. */
    async [Symbol.asyncDispose]() {
      const drained = queue.drain();
      while (!queue.isIdle) {
        for (const name of [...sending.keys()]) await bench.arrive(name);
        await delay(5);
      }
      await drained;
    },
    /** As the archiver does after a success. */
    settle(name: string) {
      renameSync(join(statusDirectory, `${name}.ready`), join(statusDirectory, `${name}.done`));
    },
  };
  if (options.isFresh === true) return bench;
  // Nothing is sent ahead before something that was asked for was new.
  bench.ready(segment(0));
  const first = bench.ask(segment(0));
  await bench.arrive(segment(0));
  await first;
  rmSync(join(statusDirectory, `${segment(0)}.ready`));
  // Else the look that follows may send ahead what a test is about to ask for.
  await status.isQuiet();
  started.length = 0;
  attempts.length = 0;
  return bench;
}

describe('the queue of pushes', () => {
  it('sends ready files ahead and answers from what arrived, with what was said of it', async () => {
    await using bench = await createBench();
    const { queue, started, ready, ask, arrive, isSending } = bench;
    ready(segment(1), segment(2), '00000002.history');
    const first = ask(segment(1));
    await isSending(segment(1), '00000002.history');
    assert.deepEqual(queue.figures.running, [segment(1), '00000002.history']);
    await arrive('00000002.history');
    await arrive(segment(2));
    await arrive(segment(1));
    assert.deepEqual(await first, done);
    assert.deepEqual(await ask(segment(2)), known);
    assert.deepEqual(await ask('00000002.history'), known);
    assert.equal(started.length, 3);
    assert.equal(started.at(-1), segment(2));
    assert.equal(queue.figures.pushed, 4);
  });

  it('lets whoever asks for a file on its way wait for it, and starts one that is not at once', async () => {
    await using bench = await createBench({ jobs: 2 });
    const { queue, started, ready, ask, arrive, isSending } = bench;
    ready(segment(1), segment(2), segment(3), segment(4));
    void ask(segment(1));
    await isSending(segment(1), segment(2));
    const joined = ask(segment(2));
    const jumped = ask(segment(4));
    await isSending(segment(4));
    assert.deepEqual(queue.figures.running, [segment(1), segment(2), segment(4)]);
    assert.equal(started.length, 3);
    await arrive(segment(4));
    await arrive(segment(2));
    assert.deepEqual(await Promise.all([joined, jumped]), [done, done]);
    await arrive(segment(1));
  });

  it('never answers for a file that was replaced while it was on its way, or since', async () => {
    await using bench = await createBench();
    const { walDirectory, started, ready, ask, arrive, isSending } = bench;
    ready(segment(1), segment(2));
    const first = ask(segment(1));
    await isSending(segment(1), segment(2));
    const second = ask(segment(2));
    await delay(20);
    rmSync(join(walDirectory, segment(2)));
    writeFileSync(join(walDirectory, segment(2)), 'another file');
    await arrive(segment(2));
    await isSending(segment(2));
    await arrive(segment(1));
    assert.deepEqual(await first, done);
    // Whoever asked has an attempt of its own behind the one that went ahead.
    const pending = Symbol('pending');
    while ((await Promise.race([second, delay(5, pending)])) === pending)
      if (bench.isOnItsWay(segment(2))) await arrive(segment(2), failure('conflict'));
    assert.equal((await second).kind, 'failed');
    await delay(20);
    writeFileSync(join(walDirectory, segment(1)), 'rewritten');
    const again = ask(segment(1));
    await arrive(segment(1), failure('conflict'));
    assert.equal((await again).kind, 'failed');
    assert.equal(started.filter(name => name === segment(1)).length, 2);
  });

  it('gives whoever asks for a file that failed ahead an attempt of its own', async () => {
    await using bench = await createBench();
    const { ready, ask, arrive, isSending } = bench;
    ready(segment(1), segment(2), segment(3));
    const first = ask(segment(1));
    await isSending(segment(1), segment(2), segment(3));
    await arrive(segment(2), failure('conflict'));
    await arrive(segment(3));
    await arrive(segment(1));
    assert.equal((await first).kind, 'done');
    assert.equal((await ask(segment(3))).kind, 'done');
    const second = ask(segment(2));
    await arrive(segment(2), failure('conflict'));
    const answer = await second;
    assert.ok(answer.kind === 'failed' && answer.failure.code === 'conflict');
  });

  it('does so too when it was on its way ahead as it was asked for', async () => {
    await using bench = await createBench();
    const { ready, ask, arrive, isSending } = bench;
    ready(segment(1), segment(2));
    const first = ask(segment(1));
    await isSending(segment(1), segment(2));
    const second = ask(segment(2));
    await delay(20);
    await arrive(segment(2), failure('unreachable'));
    await arrive(segment(2));
    assert.equal((await second).kind, 'done');
    await arrive(segment(1));
    assert.equal((await first).kind, 'done');
  });

  it('sends nothing ahead while the store is in trouble', async () => {
    await using bench = await createBench({ jobs: 2 });
    const { queue, started, ready, ask, arrive, isSending } = bench;
    ready(segment(1), segment(2), segment(3), segment(4));
    const first = ask(segment(1));
    await isSending(segment(1), segment(2));
    assert.deepEqual(queue.figures.running, [segment(1), segment(2)]);
    await arrive(segment(2), failure('unreachable'));
    await arrive(segment(1), failure('unreachable'));
    assert.equal((await first).kind, 'failed');
    await delay(50);
    assert.deepEqual(started.toSorted(), [segment(1), segment(2)]);
    const again = ask(segment(1));
    await arrive(segment(1));
    assert.equal((await again).kind, 'done');
    await isSending(segment(3), segment(4));
  });

  it('says itself what is wrong with a file that is not there', async () => {
    await using bench = await createBench();
    const { ask, arrive } = bench;
    const answer = ask(segment(1));
    await arrive(segment(1), failure('local-io'));
    assert.equal((await answer).kind, 'failed');
  });
});

describe('archive.batch', () => {
  it('marks what arrived ahead, but never the one being asked for', async () => {
    await using bench = await createBench({ isBatch: true });
    const { statuses, ready, ask, arrive, isSending } = bench;
    ready(segment(1), segment(2), segment(3));
    const first = ask(segment(1));
    await isSending(segment(1), segment(2), segment(3));
    await arrive(segment(2));
    await arrive(segment(3));
    await delay(50);
    assert.ok(
      statuses().every(name => name.endsWith('.ready')),
      'nothing is marked before the answer',
    );
    await arrive(segment(1));
    assert.equal((await first).kind, 'done');
    assert.deepEqual(statuses(), [`${segment(1)}.ready`, `${segment(2)}.done`, `${segment(3)}.done`]);
  });

  it('marks nothing behind a file that is missing, and nothing when the asked one fails', async () => {
    await using bench = await createBench({ isBatch: true });
    const { statuses, ready, ask, arrive, isSending, settle } = bench;
    ready(segment(1), segment(2), segment(3), segment(4));
    const first = ask(segment(1));
    await isSending(segment(1), segment(2), segment(3), segment(4));
    await arrive(segment(3), failure('conflict'));
    await arrive(segment(2));
    await arrive(segment(4));
    await arrive(segment(1), failure('conflict'));
    assert.equal((await first).kind, 'failed');
    assert.equal(statuses().filter(name => name.endsWith('.done')).length, 0);
    const again = ask(segment(1));
    await arrive(segment(1));
    assert.equal((await again).kind, 'done');
    settle(segment(1));
    assert.deepEqual(
      statuses().filter(name => name.endsWith('.ready')),
      [`${segment(3)}.ready`, `${segment(4)}.ready`],
    );
  });

  it('does not mark a file that was replaced after it had arrived', async () => {
    await using bench = await createBench({ isBatch: true });
    const { walDirectory, statuses, ready, ask, arrive, isSending } = bench;
    ready(segment(1), segment(2));
    const first = ask(segment(1));
    await isSending(segment(1), segment(2));
    await arrive(segment(2));
    await delay(50);
    writeFileSync(join(walDirectory, segment(2)), 'another');
    await arrive(segment(1));
    assert.equal((await first).kind, 'done');
    assert.ok(statuses().includes(`${segment(2)}.ready`));
  });
});

describe('archive.queue-limit', () => {
  it('keeps whoever asks waiting for what runs ahead no longer than for a store, and then has nothing beside it', async () => {
    await using bench = await createBench({ limitSegments: 3 });
    const { queue, started, attempts, ready, ask, arrive, isSending } = bench;
    ready(segment(1), segment(2), segment(3));
    const first = ask(segment(1));
    await isSending(segment(1), segment(2), segment(3));
    ready(segment(4), segment(5), segment(6), segment(7));
    const askedAt = performance.now();
    const second = ask(segment(2));
    while (started.length < 4 && performance.now() - askedAt < 3000) await delay(10);
    const waitedMs = performance.now() - askedAt;
    assert.ok(waitedMs >= 990 && waitedMs < 3000, `waited ${waitedMs} ms`);
    assert.deepEqual(queue.figures.running, [segment(1), segment(2)]);
    const { isAsked, spentMs = 0 } = attempts.at(-1) ?? {};
    assert.ok(isAsked === true && spentMs >= 990 && spentMs <= waitedMs, `spent ${spentMs} ms`);
    await arrive(segment(2), givenUp);
    assert.deepEqual(await second, givenUp);
    await arrive(segment(1));
    await first;
    await delay(50);
    assert.equal(started.length, 4);
  });

  it('takes what arrives in that time, and starts nothing ahead', async () => {
    await using bench = await createBench({ limitSegments: 2 });
    const { started, ready, ask, arrive, isSending } = bench;
    ready(segment(1), segment(2));
    const first = ask(segment(1));
    await isSending(segment(1), segment(2));
    ready(segment(3), segment(4), segment(5), segment(6));
    const second = ask(segment(2));
    await delay(300);
    await arrive(segment(2));
    assert.deepEqual(await second, done);
    await arrive(segment(1));
    await first;
    await delay(50);
    assert.deepEqual(started.toSorted(), [segment(1), segment(2)]);
  });

  it('starts nothing ahead of what is asked for after a loss, until something arrives, and has nothing marked', async () => {
    await using bench = await createBench({ limitSegments: 8, isBatch: true });
    const { started, statuses, ready, ask, arrive, isSending } = bench;
    ready(segment(1), segment(4));
    const first = ask(segment(1));
    await isSending(segment(1), segment(4));
    await arrive(segment(4));
    await arrive(segment(1), givenUp);
    assert.deepEqual(await first, givenUp);
    ready(segment(2), segment(3));
    const lost = ask(segment(2));
    await arrive(segment(2), givenUp);
    await lost;
    await delay(50);
    assert.deepEqual(started.toSorted(), [segment(1), segment(2), segment(4)]);
    assert.ok(statuses().every(name => name.endsWith('.ready')));
    const third = ask(segment(2));
    await arrive(segment(2));
    await isSending(segment(3));
    await arrive(segment(3));
    assert.equal((await third).kind, 'done');
  });
});

it('tells an attempt how much of its time was spent on one that nobody had asked for', async () => {
  await using bench = await createBench();
  const { attempts, ready, ask, arrive, isSending } = bench;
  ready(segment(1), segment(2));
  const first = ask(segment(1));
  await isSending(segment(1), segment(2));
  const second = ask(segment(2));
  await delay(200);
  await arrive(segment(2), failure('unreachable'));
  await arrive(segment(2));
  assert.equal((await second).kind, 'done');
  const { isAsked, spentMs = 0 } = attempts.at(-1) ?? {};
  assert.ok(isAsked === true && spentMs >= 190 && spentMs < 1000, `spent ${spentMs} ms`);
  await arrive(segment(1));
  await first;
});

describe('a push by hand of a file elsewhere', () => {
  it('says nothing about the one of that name in pg_wal, and has nothing marked', async () => {
    await using bench = await createBench({ isBatch: true });
    const { queue, statuses, ready, elsewhere, ask, arrive, isSending } = bench;
    ready(segment(1), segment(2));
    const copy = elsewhere(segment(2));
    const byHand = queue.ask(copy);
    await isSending(copy, segment(1), segment(2));
    await arrive(segment(1));
    await arrive(copy);
    assert.equal((await byHand).kind, 'done');
    const unmarked = [`${segment(1)}.ready`, `${segment(2)}.ready`];
    assert.deepEqual(statuses(), unmarked);
    assert.equal((await ask(segment(1))).kind, 'done');
    assert.deepEqual(statuses(), unmarked);
    await arrive(segment(2));
    assert.equal((await ask(segment(1))).kind, 'done');
    assert.deepEqual(statuses(), [`${segment(1)}.ready`, `${segment(2)}.done`]);
  });

  it('neither lets files go side by side nor holds them up, whatever becomes of it', async () => {
    for (const [isFresh, answer, expected] of [
      [true, done, [segment(1)]],
      [false, { ...done, isNew: false }, [segment(1), segment(2)]],
      [false, failure('conflict'), [segment(1), segment(2)]],
    ] as const) {
      await using bench = await createBench({ isFresh });
      const { queue, started, ready, elsewhere, arrive } = bench;
      const copy = elsewhere(segment(1));
      const byHand = queue.ask(copy);
      await arrive(copy, answer);
      await byHand;
      ready(segment(1), segment(2));
      const again = queue.ask(copy);
      if (answer.kind === 'failed') await arrive(copy, answer);
      await again;
      await delay(50);
      assert.deepEqual(started.filter(name => name !== copy).toSorted(), expected);
    }
  });
});

it('a file that was given up is done, and not remembered as durable', async () => {
  await using bench = await createBench();
  bench.ready(segment(1));
  const asked = bench.ask(segment(1));
  await bench.arrive(segment(1), givenUp);
  assert.equal((await asked).kind, 'done');
  assert.equal(bench.queue.figures.ahead, 1);
});

describe("where the archive may hold another server's files", () => {
  const there = { ...done, isNew: false };

  it('sends one by one, until one of them is new, and nothing behind one that is refused', async () => {
    await using bench = await createBench({ isFresh: true });
    const { started, ready, ask, arrive, isSending } = bench;
    ready(segment(1), segment(2), segment(3), segment(4), segment(5), segment(6));
    const first = ask(segment(1));
    await isSending(segment(1));
    await delay(50);
    assert.deepEqual(started, [segment(1)]);
    await arrive(segment(1), there);
    await first;
    await isSending(segment(2));
    await delay(50);
    assert.deepEqual(started, [segment(1), segment(2)]);
    await arrive(segment(2), there);
    await isSending(segment(3));
    await delay(50);
    assert.equal(started.length, 3);
    await arrive(segment(3));
    await isSending(segment(4), segment(5), segment(6));
    await arrive(segment(5));
    await arrive(segment(6));
    await arrive(segment(4), failure('conflict'));
    while (bench.queue.figures.failed === 0) await delay(1);
    ready(segment(7));
    for (const number of [1, 2, 3]) assert.equal((await ask(segment(number))).kind, 'done');
    const refused = ask(segment(4));
    await arrive(segment(4), failure('conflict'));
    assert.equal((await refused).kind, 'failed');
    await delay(50);
    assert.ok(!started.includes(segment(7)));
  });

  it('is not held up by a name that PostgreSQL ignores', async () => {
    await using bench = await createBench({ isFresh: true });
    const { ready, ask, arrive, isSending } = bench;
    ready('000.x', segment(1), segment(2), segment(3));
    const first = ask(segment(1));
    await arrive(segment(1), there);
    await first;
    await arrive(segment(2));
    await isSending(segment(3));
  });

  it('puts nothing behind what was refused ahead, though what was asked for before it is new', async () => {
    await using bench = await createBench({ jobs: 2 });
    const { queue, started, ready, ask, arrive, isSending } = bench;
    ready(segment(1), segment(2), segment(3), segment(4));
    const first = ask(segment(1));
    await isSending(segment(1), segment(2));
    assert.deepEqual(queue.figures.running, [segment(1), segment(2)]);
    await arrive(segment(2), failure('conflict'));
    while (queue.figures.failed === 0) await delay(1);
    await arrive(segment(1));
    await first;
    await delay(50);
    assert.deepEqual(started.toSorted(), [segment(1), segment(2)]);
  });
});

it('does not overlook what becomes ready while it looks, nor while a file on its way is waited for', async () => {
  await using bench = await createBench();
  const { ready, ask, arrive, isSending } = bench;
  ready(segment(1));
  const first = ask(segment(1));
  // The look that this question began has read the directory by now, or is about to.
  for (let number = 2; number <= 4; number++) {
    await delay(number);
    ready(segment(number));
    void ask(segment(1));
  }
  await isSending(segment(2), segment(3), segment(4));
  await arrive(segment(1));
  assert.equal((await first).kind, 'done');
});
