import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import { test } from 'vitest';
import { runOk } from '../../../support/site/run.ts';

const module = pathToFileURL(
  resolve(import.meta.dirname, '../../../../src/base/threads/low-priority.ts'),
).href;

/** In a process of its own, because only root can raise a priority again. */
const script = `
  import { stat } from 'node:fs/promises';
  import { readFileSync, readdirSync } from 'node:fs';
  import { Worker } from 'node:worker_threads';
  import { lowerPriority } from '${module}';
  await stat('/');
  lowerPriority();
  const worker = new Worker('setInterval(() => undefined, 1000)', { eval: true });
  await new Promise(resolve => worker.once('online', resolve));
  const niceOf = task => readFileSync('/proc/self/task/' + task + '/stat', 'utf8').replace(/^.*\\) /s, '').split(' ')[16];
  console.log(JSON.stringify(readdirSync('/proc/self/task').map(niceOf)));
  await worker.terminate();
`;

test('every thread gets the lowest priority, those that were there and those that come', async () => {
  const { stdout } = await runOk(process.execPath, ['--input-type=module', '--eval', script], { as: 'self' });
  const priorities = JSON.parse(stdout) as string[];
  assert.ok(priorities.length > 5);
  assert.deepEqual([...new Set(priorities)], ['19']);
});
