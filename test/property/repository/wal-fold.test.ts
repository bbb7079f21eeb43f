/** The fold of a listing of WAL: cut anywhere, its parts hold together what the whole holds. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import { WalGeometry } from '../../../src/postgres/wal/geometry.ts';
import { conflictKey, partialPrefix, walKey } from '../../../src/repository/format/layout.ts';
import type { ArchivedWal } from '../../../src/repository/wal/listing.ts';
import { joinWal, WalFold } from '../../../src/repository/wal/wal-fold.ts';
import type { ListEntry } from '../../../src/stores/store.ts';
import { system } from '../../support/site/archive.ts';
import { walFile } from '../../support/wal/wal.ts';

/** 1 GiB segments: 4 a log, so that most runs cross from one to the next. */
const geometry = new WalGeometry(1024 ** 3);

interface Listed {
  readonly timeline: number;
  readonly segment: number;
  readonly kind: 'segment' | 'empty' | 'partial' | 'backup' | 'conflict';
  readonly sizeBytes: number;
  readonly day: number;
  readonly tier: string | undefined;
}

const listed: fc.Arbitrary<Listed> = fc.record({
  timeline: fc.integer({ min: 1, max: 3 }),
  segment: fc.integer({ min: 1, max: 30 }),
  kind: fc.constantFrom('segment', 'segment', 'segment', 'empty', 'partial', 'backup', 'conflict'),
  sizeBytes: fc.integer({ min: 1, max: 1000 }),
  day: fc.integer({ min: 0, max: 1000 }),
  tier: fc.constantFrom(undefined, undefined, 'GLACIER', 'DEEP_ARCHIVE'),
});

function keyOf({ timeline, segment, kind }: Listed): string {
  const name = geometry.nameOf(timeline, BigInt(segment));
  const file = walFile(name);
  if (kind === 'partial') {
    const partial = walFile(`${name}.partial`);
    return partial.kind === 'partial' ? `${partialPrefix(system, partial)}0123456789abcdef` : '';
  }
  if (kind === 'backup') return walKey(system, walFile(`${name}.00000028.backup`));
  return kind === 'conflict' ? conflictKey(system, file, 'ab'.repeat(32)) : walKey(system, file);
}

function entryOf(one: Listed): Extract<ListEntry, { readonly key: string }> {
  return {
    key: keyOf(one),
    sizeBytes: one.kind === 'empty' ? 0 : one.sizeBytes,
    modified: new Date(one.day * 86_400_000),
    ...(one.tier !== undefined && { tier: one.tier, cold: 'perhaps' as const }),
  };
}

/** A listing in the order of its keys, each key once. */
const listing = fc.array(listed, { maxLength: 80 }).map(all => {
  const byKey = new Map(all.map(one => [keyOf(one), one]));
  return [...byKey].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
});

const cuts = fc.array(fc.integer({ min: 0, max: 80 }), { maxLength: 8 });

const foreign = fc
  .array(
    fc.record({
      timeline: fc.integer({ min: 1, max: 3 }),
      first: fc.bigInt(1n, 30n),
      length: fc.bigInt(0n, 5n),
    }),
    {
      maxLength: 3,
    },
  )
  .map(ranges => ranges.map(({ timeline, first, length }) => ({ timeline, first, last: first + length })));

function fold(all: readonly Listed[], ranges: Parameters<typeof foldOf>[1] = []): ArchivedWal {
  return foldOf(all.map(entryOf), ranges);
}

function foldOf(
  entries: readonly ListEntry[],
  ranges: ConstructorParameters<typeof WalFold>[2],
): ArchivedWal {
  const taken = new WalFold(system, geometry, ranges);
  taken.take(entries);
  return taken.result();
}

describe('the fold of a listing', () => {
  it('has each whole segment in one run, and a run only where nothing is between', () => {
    fc.assert(
      fc.property(listing, foreign, (all, ranges) => {
        const isForeign = (one: Listed) =>
          ranges.some(
            ({ timeline, first, last }) =>
              timeline === one.timeline && first <= BigInt(one.segment) && BigInt(one.segment) <= last,
          );
        const whole = all.filter(one => one.kind === 'segment' && !isForeign(one));
        const { runs, stretches } = fold(all, ranges);
        const positions = runs.flatMap(({ timeline, first, last }) =>
          Array.from(
            { length: Number(last - first) + 1 },
            (_, index) => `${timeline} ${Number(first) + index}`,
          ),
        );
        assert.deepEqual(
          positions,
          whole.map(({ timeline, segment }) => `${timeline} ${segment}`),
        );
        assert.equal(
          runs.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
          whole.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
        );
        for (const run of runs) {
          const newest = whole.find(one => one.timeline === run.timeline && BigInt(one.segment) === run.last);
          assert.deepEqual(run.lastModified, newest && entryOf(newest).modified);
        }
        for (const { timeline, first, last, lastModified } of stretches) {
          const inside = all.filter(
            one => one.timeline === timeline && first <= BigInt(one.segment) && BigInt(one.segment) <= last,
          );
          const newest = Math.max(
            ...inside.map(one => (isForeign(one) ? 0 : entryOf(one).modified.getTime())),
          );
          assert.equal(lastModified.getTime(), newest);
        }
      }),
    );
  });

  it('loses and doubles nothing where a listing is cut into parts', () => {
    fc.assert(
      fc.property(listing, cuts, foreign, (all, places, ranges) => {
        const starts = [0, ...places.toSorted((a, b) => a - b)];
        const parts = starts.map((start, index) => fold(all.slice(start, starts[index + 1]), ranges));
        assert.deepEqual(joinWal(parts), fold(all, ranges));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a key out of its place', () => {
  const planted = (directory: string, name: string): ListEntry => ({
    key: `${system.cluster}/${system.systemId}/wal/00000001/${directory}/${name}`,
    sizeBytes: 1,
    modified: new Date(0),
  });

  it('closes no hole, in the directory of another log or with a number that the segment size does not have', () => {
    const entries = [
      planted('00000001', '000000010000000100000003'),
      planted('00000001', '000000010000000100000004'),
      planted('00000001', '000000010000000200000000'),
      planted('00000002', '000000010000000200000001'),
    ];
    const { runs, stretches } = foldOf(entries, []);
    const ranges = [
      [7n, 7n],
      [9n, 9n],
    ];
    assert.deepEqual(
      runs.map(({ first, last }) => [first, last]),
      ranges,
    );
    assert.deepEqual(
      stretches.map(({ first, last }) => [first, last]),
      ranges,
    );
  });
});
