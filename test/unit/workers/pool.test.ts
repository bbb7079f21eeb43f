import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { WorkerPool } from '../../../src/workers/pool.ts';

/** A thread that answers each push, but ends in the given way at the one of `crash`. */
function threadThat(ends: string): Worker {
  const script = `
    const { parentPort } = require('node:worker_threads');
    parentPort.on('message', ({ kind, id, path }) => {
      if (kind === 'close') return parentPort.close();
      if (path === 'crash') { ${ends} }
      else if (path !== 'hang') parentPort.postMessage({ id, answer: { kind: 'done', isDurable: true, isNew: true, events: [] } });
    });`;
  return new Worker(script, { eval: true, stderr: true });
}

const never = new AbortController().signal;
const asked = { isAsked: true, spentMs: 0 };

describe('a thread that ends in the middle of its work', () => {
  for (const [how, ends, words] of [
    ['by an error', "setImmediate(() => { throw new Error('out of luck') })", /out of luck/],
    ['by its own exit', 'process.exit(0)', /it ended/],
  ] as const)
    it(`${how} fails all that it had, and what comes next gets another`, async () => {
      let started = 0;
      const pool = new WorkerPool({
        maxWorkers: 1,
        start: () => {
          started++;
          return threadThat(ends);
        },
      });
      assert.equal((await pool.send('a', asked, never)).kind, 'done');
      const answers = await Promise.all(['hang', 'crash'].map(path => pool.send(path, asked, never)));
      for (const answer of answers) {
        assert.ok(answer.kind === 'failed' && answer.failure.code === 'internal');
        assert.match(answer.failure.message, words);
      }
      assert.equal((await pool.send('b', asked, never)).kind, 'done');
      assert.equal(started, 2);
      await pool.close();
    });
});

/** A thread that says once that it moves on, and then hears nothing any more. */
function hangingThread(): Worker {
  const script = `
    const { parentPort } = require('node:worker_threads');
    parentPort.once('message', ({ id }) => {
      parentPort.postMessage({ id, answer: undefined });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  return new Worker(script, { eval: true });
}

describe('a thread that hangs', () => {
  it('does not keep the pool from closing', async () => {
    const worker = hangingThread();
    const pool = new WorkerPool({ maxWorkers: 1, start: () => worker });
    void pool.send('a', asked, never);
    const startedAt = performance.now();
    await pool.close();
    assert.ok(performance.now() - startedAt < 5000);
    await worker.terminate();
  });

  it('has given its last sign of life for a file when it last had one', async () => {
    const worker = hangingThread();
    const pool = new WorkerPool({ maxWorkers: 1, start: () => worker });
    assert.equal(pool.lastSignAt('a'), undefined);
    const sent = pool.send('a', asked, never);
    const begunAt = pool.lastSignAt('a') ?? 0;
    await once(worker, 'message');
    assert.ok((pool.lastSignAt('a') ?? 0) > begunAt);
    await worker.terminate();
    assert.equal((await sent).kind, 'failed');
    assert.equal(pool.lastSignAt('a'), undefined);
  });
});
