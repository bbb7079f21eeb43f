/** Ranges against the plainest model there is: the set of the segments in them. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { test } from 'vitest';
import {
  clip,
  contains,
  count,
  covers,
  cut,
  join,
  segmentsIn,
  subtract,
  union,
  type SegmentRange,
} from '../../../../src/postgres/wal/segment-range.ts';

const range = fc
  .record({
    timeline: fc.integer({ min: 1, max: 2 }),
    first: fc.bigInt({ min: 0n, max: 12n }),
    length: fc.bigInt({ min: 0n, max: 5n }),
  })
  .map(({ timeline, first, length }): SegmentRange => ({ timeline, first, last: first + length }));
const ranges = fc.array(range, { maxLength: 6 });

function setOf(...of: readonly SegmentRange[]): Set<string> {
  return new Set([...segmentsIn(of)].map(({ timeline, segment }) => `${timeline}/${segment}`));
}

function sorted(set: Iterable<string>): string[] {
  return [...set].sort();
}

/** In order, disjoint, and with a segment between each two of one timeline. */
function assertApart(of: readonly SegmentRange[]): void {
  for (const [index, next] of of.entries()) {
    assert.ok(next.first <= next.last);
    const before = of[index - 1];
    if (before === undefined) continue;
    assert.ok(
      before.timeline < next.timeline || (before.timeline === next.timeline && before.last + 1n < next.first),
    );
  }
}

test('a union has the segments of all, in as few ranges as there can be', () => {
  fc.assert(
    fc.property(ranges, all => {
      const joined = union(all);
      assert.deepEqual(sorted(setOf(...joined)), sorted(setOf(...all)));
      assertApart(joined);
      assert.equal(count(...joined), setOf(...all).size);
    }),
  );
});

test('a difference has the segments of the one and none of the others, and keeps what the range carries', () => {
  fc.assert(
    fc.property(range, ranges, (one, taken) => {
      const left = subtract({ ...one, host: 'db1' }, taken);
      const gone = setOf(...taken);
      assert.deepEqual(sorted(setOf(...left)), sorted([...setOf(one)].filter(name => !gone.has(name))));
      assertApart(left);
      assert.ok(left.every(({ host }) => host === 'db1'));
    }),
  );
});

test('the pieces of a cut are the range, and none is half inside another', () => {
  fc.assert(
    fc.property(range, ranges, (one, others) => {
      const pieces = cut(one, others);
      assert.deepEqual([...segmentsIn(pieces)], [...segmentsIn([one])]);
      for (const piece of pieces)
        for (const other of others)
          assert.ok(covers(other, piece) || setOf(piece).isDisjointFrom(setOf(other)));
    }),
  );
});

test('covers is being a superset, contains is being a member', () => {
  fc.assert(
    fc.property(range, range, (outer, inner) => {
      assert.equal(covers(outer, inner), setOf(inner).isSubsetOf(setOf(outer)));
      assert.equal(
        contains(outer, { timeline: inner.timeline, segment: inner.first }),
        setOf(outer).has(`${inner.timeline}/${inner.first}`),
      );
    }),
  );
});

test('a clipped range has what lies between the ends', () => {
  const segment = fc.bigInt({ min: 0n, max: 17n });
  fc.assert(
    fc.property(ranges, segment, segment, (all, first, last) => {
      const wanted = [...segmentsIn(all)].filter(one => one.segment >= first && one.segment <= last);
      assert.deepEqual([...segmentsIn(clip(all, { first, last }))], wanted);
    }),
  );
});

test('joining one after the other gives the union, unless the merge keeps two apart', () => {
  fc.assert(
    fc.property(ranges, all => {
      const ordered = union(all);
      const joined: SegmentRange[] = [];
      const apart: SegmentRange[] = [];
      for (const { timeline, segment } of segmentsIn(ordered)) {
        const next = { timeline, first: segment, last: segment };
        join(joined, next, before => before);
        join(apart, next, () => undefined);
      }
      assert.deepEqual(joined, ordered);
      assert.equal(apart.length, count(...ordered));
    }),
  );
});
