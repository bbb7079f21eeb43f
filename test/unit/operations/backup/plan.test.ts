import assert from 'node:assert/strict';
import { test } from 'vitest';
import { PartPlanner, type PlannedEntry } from '../../../../src/operations/backup/plan.ts';

/** The paths in each part. Each size is that of the file without its header, a multiple of 512. */
function plan(
  files: readonly (readonly [path: string, sizeBytes: number])[],
  limits: { partSizeBytes: number; maxEntries?: number },
): string[][] {
  const planner = new PartPlanner(limits);
  const entries: PlannedEntry[] = files.map(([path, sizeBytes]) => ({ path, type: 'file', sizeBytes }));
  for (const entry of entries) planner.add(entry);
  return planner.finish().map(part => [...part.entries].map(number => entries[number]?.path ?? ''));
}

test('files are put together up to the limit, headers and padding counted, the largest part first', () => {
  const files = [
    ['a', 512],
    ['b', 513],
    ['c', 512],
    ['d', 1],
    ['e', 512],
  ] as const;
  assert.deepEqual(plan(files, { partSizeBytes: 2048 }), [['c', 'd'], ['b'], ['a'], ['e']]);
});

test('a file larger than a part has one of its own, and comes first', () => {
  const files = [
    ['a', 1],
    ['b', 1_000_000],
    ['c', 1],
    ['d', 2],
  ] as const;
  assert.deepEqual(plan(files, { partSizeBytes: 4096 }), [['b'], ['c', 'd'], ['a']]);
});

test('the forks and segments of a relation stand together, though other names are sorted between them', () => {
  const files = [
    ['base/5/1259', 512],
    ['base/5/12590', 512],
    ['base/5/12590_vm', 512],
    ['base/5/1259_fsm', 512],
    ['base/5/1259_vm', 512],
    ['base/5/PG_VERSION', 512],
  ] as const;
  assert.deepEqual(plan(files, { partSizeBytes: 4096 }), [
    ['base/5/1259', 'base/5/1259_fsm', 'base/5/1259_vm', 'base/5/PG_VERSION'],
    ['base/5/12590', 'base/5/12590_vm'],
  ]);
});

test('a relation that fits into a part is not spread over two', () => {
  const files = [
    ['base/5/100', 1024],
    ['base/5/200', 1024],
    ['base/5/200_fsm', 512],
  ] as const;
  assert.deepEqual(plan(files, { partSizeBytes: 3072 }), [['base/5/200', 'base/5/200_fsm'], ['base/5/100']]);
});

test('many small files are bounded by number', () => {
  const files = Array.from({ length: 7 }, (_, index) => [`f${index}`, 0] as const);
  assert.deepEqual(
    plan(files, { partSizeBytes: 1024 ** 3, maxEntries: 3 }).map(part => part.length),
    [3, 3, 1],
  );
});

test('nothing makes no part', () => {
  assert.deepEqual(plan([], { partSizeBytes: 1 }), []);
});

test('what goes into no part is numbered all the same', () => {
  const planner = new PartPlanner({ partSizeBytes: 4096 });
  for (const path of ['base/1/a', 'base/1/b', 'base/1/c', 'base/2/d', 'base/2/e']) {
    if (path.endsWith('b') || path.endsWith('d')) planner.skip();
    else planner.add({ path, type: 'file', sizeBytes: 512 });
  }
  assert.deepEqual(
    planner.finish().map(({ entries }) => [...entries]),
    [[0, 2, 4]],
  );
});
