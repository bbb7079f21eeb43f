import assert from 'node:assert/strict';
import { fstatSync, ftruncateSync, readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { EntrySpool, readSpooled } from '../../../../src/repository/backup/entry-spool.ts';
import { ExpectedFiles } from '../../../../src/repository/backup/expected-files.ts';
import type { ManifestEntry } from '../../../../src/repository/format/manifest.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const sha256 = 'a'.repeat(64);
const entryOf = (path: string, part: number): ManifestEntry => ({
  path,
  type: 'file',
  sizeBytes: path.length,
  mode: 0o600,
  mtimeMs: 0,
  sha256,
  part,
});

test('the entries of each part come back in their order, however parts are mixed', async () => {
  const directory = temporaryDirectory('spool', { keepOwner: true });
  const parts = fc.array(fc.record({ part: fc.integer({ min: -1, max: 5 }), isFlushed: fc.boolean() }));
  await fc.assert(
    fc.asyncProperty(parts, async added => {
      await using spool = await EntrySpool.open(directory);
      for (const [index, { part, isFlushed }] of added.entries()) {
        await spool.add(part, entryOf(`base/ü/${index}`, 1));
        if (isFlushed) await spool.flush();
      }
      await spool.flush();
      for (const part of [-1, 0, 1, 2, 3, 4, 5]) {
        const wanted = added.flatMap((one, index) => (one.part === part ? [`base/ü/${index}`] : []));
        const found = await Array.fromAsync(readSpooled(spool.entriesOf(part)), ({ path }) => path);
        assert.deepEqual(found, wanted);
      }
    }),
    { numRuns: 50 },
  );
  assert.deepEqual(readdirSync(directory), []);
});

test('memory holds two million characters at most, and a spool that was cut is told', async () => {
  await using spool = await EntrySpool.open(temporaryDirectory('spool', { keepOwner: true }));
  const path = 'x'.repeat(250);
  const { fd } = spool.entriesOf(0);
  for (let count = 0; count < 8000; count++) await spool.add(count % 2, entryOf(path, 1));
  assert.ok(fstatSync(fd).size > 1_000_000, `${fstatSync(fd).size} bytes are in the file`);
  await spool.flush();
  assert.equal(fstatSync(fd).mode & 0o777, 0o600);
  ftruncateSync(fd, 1000);
  await assert.rejects(Array.fromAsync(readSpooled(spool.entriesOf(1))), { code: 'local-io' });
});

test('another thread can read them', async () => {
  await using spool = await EntrySpool.open(temporaryDirectory('spool', { keepOwner: true }));
  await spool.add(3, entryOf('base/1', 3));
  await spool.flush();
  const script = `
    const { parentPort, workerData: { fd, ranges: [{ start, end }] } } = require('node:worker_threads');
    const buffer = Buffer.alloc(end - start);
    require('node:fs').readSync(fd, buffer, 0, buffer.length, start);
    parentPort.postMessage(JSON.parse(buffer.toString()).path);`;
  const worker = new Worker(script, { eval: true, workerData: spool.entriesOf(3) });
  assert.deepEqual(await once(worker, 'message'), ['base/1']);
});

test('files are found in any order, and what is left is named', async () => {
  const names = Array.from({ length: 40 }, (_, index) => `base/${index}`);
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(names), async taken => {
      async function* all() {
        for (const name of names) yield entryOf(name, 1);
      }
      const expected = new ExpectedFiles(all());
      for (const name of taken) assert.equal((await expected.take(name)).path, name);
      const left = await expected.rest();
      assert.equal(left === undefined, taken.length === names.length);
      if (left !== undefined) assert.ok(names.includes(left) && !taken.includes(left));
      if (taken[0] !== undefined) await assert.rejects(expected.take(taken[0]), { code: 'damaged' });
    }),
    { numRuns: 50 },
  );
});
