import assert from 'node:assert/strict';
import { test } from 'vitest';
import { cutIntoParts } from '../../../../src/operations/backup/plan.ts';

const file = (sizeBytes: number) => ({ type: 'file' as const, sizeBytes });
const directory = { type: 'directory' as const, sizeBytes: 0 };

async function cut(
  sizes: readonly (ReturnType<typeof file> | typeof directory)[],
  limits: { partSizeBytes: number; maxEntries?: number },
) {
  const parts: number[][] = [];
  for await (const part of cutIntoParts(sizes, limits)) parts.push(part.map(({ sizeBytes }) => sizeBytes));
  return parts;
}

test('files are put together up to the limit, headers and padding counted', async () => {
  assert.deepEqual(await cut([file(512), file(512), file(1), file(512)], { partSizeBytes: 2048 }), [
    [512, 512],
    [1, 512],
  ]);
  assert.deepEqual(await cut([file(512), file(513), file(1)], { partSizeBytes: 2048 }), [[512], [513], [1]]);
});

test('a file larger than a part has one of its own', async () => {
  assert.deepEqual(await cut([file(1), file(1_000_000), file(1), file(2)], { partSizeBytes: 4096 }), [
    [1],
    [1_000_000],
    [1, 2],
  ]);
});

test('directories and empty files are bounded by number', async () => {
  const many = Array.from({ length: 7 }, () => directory);
  assert.deepEqual(
    (await cut(many, { partSizeBytes: 1024 ** 3, maxEntries: 3 })).map(part => part.length),
    [3, 3, 1],
  );
});

test('nothing makes no part', async () => {
  assert.deepEqual(await cut([], { partSizeBytes: 1 }), []);
});
