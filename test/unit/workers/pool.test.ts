import assert from 'node:assert/strict';
import { Worker } from 'node:worker_threads';
import { describe, it } from 'vitest';
import { messageOf, WalvaultError } from '../../../src/base/errors/errors.ts';
import type { Event } from '../../../src/observe/events/events.ts';
import { WorkerPool } from '../../../src/workers/pool.ts';

type Jobs = {
  readonly double: { readonly input: number; readonly output: number };
  readonly hang: { readonly input: undefined; readonly output: undefined };
  readonly crash: { readonly input: undefined; readonly output: undefined };
  readonly refuse: { readonly input: string; readonly output: undefined };
};

/** A thread that speaks as `worker.ts` does, but ends in the given way at the job `crash`. */
function threadThat(ends: string): Worker {
  const script = `
    const { parentPort } = require('node:worker_threads');
    parentPort.on('message', ({ kind, id, job, input }) => {
      if (kind === 'close') return parentPort.close();
      const post = message => parentPort.postMessage({ id, ...message });
      if (kind === 'abort') return post({ kind: 'failed', error: { code: 'interrupted', message: 'aborted', retry: false } });
      if (job === 'crash') { ${ends} }
      if (job === 'refuse') post({ kind: 'failed', error: { code: 'refused', message: input, hint: 'Ask.', retry: true } });
      if (job !== 'double') return;
      post({ kind: 'event', event: { kind: 'file-absent', file: 'doubling' }, isOfThread: true });
      post({ kind: 'sign', doneBytes: 7 });
      post({ kind: 'done', output: 2 * input, traffic: [{ repository: 'main', requests: 1 }] });
    });`;
  return new Worker(script, { eval: true, stderr: true });
}

function poolOf(start: () => Worker, maxWorkers = 1): WorkerPool<Jobs> {
  return new WorkerPool<Jobs>({ maxWorkers, start });
}

const { signal } = new AbortController();

describe('a job', () => {
  it('gives its output, and before that its events, its progress and what its thread has sent', async () => {
    const heard: unknown[] = [];
    const pool = new WorkerPool<Jobs>({
      maxWorkers: 1,
      start: () => threadThat(''),
      onTraffic: ([first]) => heard.push(first?.requests),
    });
    const options = {
      signal,
      onEvent: (event: Event, isOfThread: boolean) => heard.push(event, isOfThread),
      onSign: (doneBytes?: number) => heard.push(doneBytes),
    };
    assert.equal(await pool.run('double', 4, options), 8);
    assert.deepEqual(heard, [{ kind: 'file-absent', file: 'doubling' }, true, 7, 1]);
    await pool.close();
  });

  it('fails with the error that it threw', async () => {
    const pool = poolOf(() => threadThat(''));
    await assert.rejects(
      pool.run('refuse', 'not today', { signal }),
      (error: unknown) =>
        error instanceof WalvaultError &&
        error.code === 'refused' &&
        error.message === 'not today' &&
        error.hint === 'Ask.' &&
        error.retry,
    );
    await pool.close();
  });

  it('is aborted in its thread, before and after it was sent', async () => {
    const pool = poolOf(() => threadThat(''));
    const controller = new AbortController();
    const running = pool.run('hang', undefined, controller);
    controller.abort();
    await assert.rejects(running, /aborted/);
    await assert.rejects(pool.run('hang', undefined, { signal: AbortSignal.abort() }), /aborted/);
    await pool.close();
  });

  it('gets a thread of its own while there may be one, and shares one then', async () => {
    let started = 0;
    const pool = poolOf(() => {
      started++;
      return threadThat('');
    }, 2);
    const doubled = await Promise.all([1, 2, 3].map(number => pool.run('double', number, { signal })));
    assert.deepEqual([doubled, started], [[2, 4, 6], 2]);
    await pool.close();
  });
});

describe('of threads that do one job at a time', () => {
  const alone = (start: () => Worker, maxWorkers: number) =>
    new WorkerPool<Jobs>({ maxWorkers, start, jobsPerThread: 1 });

  it('the first that is free gets the next job', async () => {
    const threads: Worker[] = [];
    const pool = alone(() => {
      threads.push(threadThat(''));
      return threads.at(-1) as Worker;
    }, 2);
    const held = new AbortController();
    const hanging = pool.run('hang', undefined, held).catch(messageOf);
    const doubled = await Promise.all([1, 2, 3].map(number => pool.run('double', number, { signal })));
    assert.deepEqual([doubled, threads.length], [[2, 4, 6], 2]);
    held.abort();
    assert.match((await hanging) ?? '', /aborted/);
    await pool.close();
  });

  it('one that hangs gets no other job, and its job fails after its time', async () => {
    let started = 0;
    const pool = alone(() => {
      started++;
      return threadThat('');
    }, 1);
    const held = new AbortController();
    const silence = { ms: 0, what: 'push 0001' };
    await assert.rejects(
      pool.run('hang', undefined, { signal: held.signal, silence }),
      (error: unknown) =>
        error instanceof WalvaultError &&
        error.code === 'unreachable' &&
        error.message === 'push 0001: no answer within 0 ms',
    );
    await assert.rejects(pool.run('double', 1, { signal: AbortSignal.timeout(1) }), /was given up/);
    const next = pool.run('double', 2, { signal });
    held.abort();
    assert.deepEqual([await next, started], [4, 1], 'once the thread is back');
    await pool.close();
  });
});

it('threads that were prepared are there for the jobs that follow', async () => {
  const script = `
    const { parentPort } = require('node:worker_threads');
    const told = [];
    parentPort.on('message', ({ kind, id, job }) => {
      if (kind === 'close') return parentPort.close();
      told.push(kind + ' ' + job);
      if (kind === 'run') parentPort.postMessage({ id, kind: 'done', output: told, traffic: [] });
    });`;
  let started = 0;
  const pool = poolOf(() => {
    started++;
    return new Worker(script, { eval: true });
  }, 2);
  pool.prepare('double');
  assert.equal(started, 2);
  const jobs = [1, 2].map(input => pool.run('double', input, { signal }));
  for (const told of await Promise.all(jobs)) assert.deepEqual(told, ['prepare double', 'run double']);
  assert.equal(started, 2);
  await pool.close();
});

describe('a thread that ends in the middle of its work', () => {
  for (const [how, ends, words] of [
    ['by an error', "setImmediate(() => { throw new Error('out of luck') })", /out of luck/],
    ['by its own exit', 'process.exit(0)', /it ended/],
  ] as const)
    it(`${how} fails all that it had, and what comes next gets another`, async () => {
      let started = 0;
      const pool = poolOf(() => {
        started++;
        return threadThat(ends);
      });
      assert.equal(await pool.run('double', 1, { signal }), 2);
      const jobs = (['hang', 'crash'] as const).map(job => pool.run(job, undefined, { signal }));
      for (const outcome of await Promise.allSettled(jobs)) {
        assert.ok(outcome.status === 'rejected');
        const { reason } = outcome as { reason: unknown };
        assert.ok(reason instanceof WalvaultError && reason.code === 'internal' && reason.retry);
        assert.match(reason.message, words);
      }
      assert.equal(await pool.run('double', 1, { signal }), 2);
      assert.equal(started, 2);
      await pool.close();
    });
});

it('a thread that hangs does not keep the pool from closing', async () => {
  const script = `
    const { parentPort } = require('node:worker_threads');
    parentPort.once('message', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));`;
  const worker = new Worker(script, { eval: true });
  const pool = poolOf(() => worker);
  const hanging = pool.run('hang', undefined, { signal }).catch((error: unknown) => error);
  const startedAt = performance.now();
  await pool.close();
  assert.ok(performance.now() - startedAt < 5000);
  await worker.terminate();
  assert.ok((await hanging) instanceof WalvaultError);
});
