import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'vitest';
import { runOk } from '../../support/site/run.ts';

const module = pathToFileURL(resolve(import.meta.dirname, '../../../src/workers/collect-garbage.ts')).href;

/** In a process of its own: V8's flags are the process's. */
const script = `
  import { Worker } from 'node:worker_threads';
  const threads = Array.from({ length: 4 }, () => new Worker(
    "import('${module}').then(({ garbageCollector }) => { for (let n = 0; n < 100; n++) garbageCollector(0); garbageCollector(0)(); })",
    { eval: true },
  ));
  await Promise.all(threads.map(thread => new Promise((done, fail) => thread.once('error', fail).once('exit', done))));
`;

test('threads that start at the same time all get a collector, though the flag for it belongs to the process', async () => {
  const { stderr } = await runOk(process.execPath, ['--input-type=module', '--eval', script], { as: 'self' });
  assert.equal(stderr, '');
});
