import assert from 'node:assert/strict';
import { test } from 'vitest';
import { planIncrementalFile } from '../../../../../src/postgres/cluster/incremental/plan.ts';

const layout = { blockSizeBytes: 8192, relationSegmentBlocks: 131_072 };
const first = (count: number) => Uint32Array.from({ length: count }, (_, index) => index);
const plan = (sizeBlocks: number, changed: Uint32Array, limitBlocks?: number) =>
  planIncrementalFile({ sizeBytes: sizeBlocks * 8192, changed, limitBlocks }, layout);

test('a file is stored whole once more than 90 % of its blocks have changed', () => {
  assert.deepEqual(plan(10, first(9)), { truncationBlocks: 10, blocks: first(9) });
  assert.equal(plan(10, first(10)), undefined);
  assert.equal(plan(100, first(91)), undefined);
  assert.equal(plan(131_072, first(117_965)), undefined);
  assert.equal(plan(131_072, first(117_964))?.blocks.length, 117_964);
  assert.equal(plan(1, first(1)), undefined);
});

test('a file of a length that no server gives it, or of none, is stored whole', () => {
  assert.equal(plan(0, first(0)), undefined);
  assert.equal(plan(10.5, first(0)), undefined);
  assert.equal(plan(131_073, first(0)), undefined);
  assert.deepEqual(plan(131_072, first(0))?.truncationBlocks, 131_072);
});

test('blocks beyond the end do not count', () => {
  const changed = Uint32Array.of(3, 9, 10, 11, 4_000_000_000);
  assert.deepEqual(plan(10, changed), { truncationBlocks: 10, blocks: Uint32Array.of(3, 9) });
});

test('the length is that of the file, or where it was cut to if that is more, or that of the largest file', () => {
  assert.equal(plan(10, first(1), 5)?.truncationBlocks, 10);
  assert.equal(plan(10, first(1), 20)?.truncationBlocks, 20);
  assert.equal(plan(10, first(1), 0xffff_ffff)?.truncationBlocks, 131_072);
});

test('a file that was cut before it begins is stored whole', () => {
  assert.equal(plan(10, first(1), 0), undefined);
  assert.equal(plan(10, first(1), -131_072), undefined);
  assert.equal(plan(10, first(1), 1)?.truncationBlocks, 10);
});
