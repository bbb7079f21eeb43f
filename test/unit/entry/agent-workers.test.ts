import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { it } from 'vitest';
import { AgentWorkers } from '../../../src/entry/agent-workers.ts';
import type { Jobs } from '../../../src/workers/job-table.ts';
import { WorkerPool } from '../../../src/workers/pool.ts';

const { signal } = new AbortController();

it('a file gives a sign of life when its sending begins and with each sign of its thread', async () => {
  const script = `
    const { parentPort } = require('node:worker_threads');
    parentPort.once('message', ({ id }) => {
      parentPort.postMessage({ id, kind: 'sign' });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const worker = new Worker(script, { eval: true });
  const workers = new AgentWorkers(new WorkerPool<Jobs>({ maxWorkers: 1, start: () => worker }));
  let signs = 0;
  workers.signs.on('a', () => signs++);
  workers.signs.on('b', () => assert.fail('of another file'));
  const sent = workers.send('a', { isAsked: true, spentMs: 0 }, signal);
  assert.equal(signs, 1);
  await once(worker, 'message');
  assert.equal(signs, 2);
  await worker.terminate();
  assert.equal((await sent).kind, 'failed');
  assert.equal(signs, 2);
});
