import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { test } from 'vitest';
import {
  chooseParts,
  chooseSegments,
  chooseUnproven,
  partsOf,
} from '../../../../src/operations/verify/choose-data.ts';
import type { VerifiedParts, VerifiedRange } from '../../../../src/repository/format/notes/verified.ts';
import { count, segmentsIn, type SegmentRange } from '../../../../src/postgres/wal/segment-range.ts';
import { sampleRecord } from '../../../support/sample-record.ts';

const dayMs = 24 * 3_600_000;
const day = (number: number) => new Date(number * dayMs);

function nightOf(number: number, percent: number | undefined) {
  return { since: day(number - 30), depth: 'decoded', percent, now: day(number) } as const;
}

const ranges = fc
  .array(fc.record({ first: fc.integer({ min: 1, max: 40 }), size: fc.integer({ min: 1, max: 30 }) }), {
    minLength: 1,
    maxLength: 5,
  })
  .map(drawn =>
    drawn.map(({ first, size }, index): SegmentRange => {
      return { timeline: index + 1, first: BigInt(first), last: BigInt(first + size - 1) };
    }),
  );

const namesOf = (chosen: readonly SegmentRange[]) =>
  [...segmentsIn(chosen)].map(({ timeline, segment }) => `${timeline}/${segment}`);

test('shares of successive nights cover everything, remembered or not, each within its budget', () => {
  fc.assert(
    fc.property(ranges, fc.integer({ min: 1, max: 100 }), fc.boolean(), (runs, percent, remembers) => {
      const total = count(...runs);
      const budget = Math.ceil((total * percent) / 100);
      const verified: VerifiedRange[] = [];
      const seen = new Set<string>();
      const nights = Math.ceil(total / budget) + 1;
      for (let night = 100; night < 100 + nights; night++) {
        const chosen = chooseSegments(runs, verified, nightOf(night, percent));
        const names = namesOf(chosen);
        assert.ok(names.length <= budget);
        assert.equal(new Set(names).size, names.length, 'none twice in a night');
        for (const name of names) seen.add(name);
        if (remembers)
          verified.push(
            ...chosen.map(one => ({ ...one, depth: 'decoded' as const, verifiedAt: day(night) })),
          );
      }
      assert.equal(seen.size, total);
    }),
  );
});

test('what is new comes first, then what was read longest ago; what was read lately waits', () => {
  const verified: VerifiedRange[] = [
    { timeline: 1, first: 1n, last: 4n, depth: 'decoded', verifiedAt: day(60) },
    { timeline: 1, first: 5n, last: 6n, depth: 'decoded', verifiedAt: day(50) },
    { timeline: 1, first: 7n, last: 8n, depth: 'decoded', verifiedAt: day(99) },
    { timeline: 1, first: 7n, last: 8n, depth: 'decoded', verifiedAt: day(10) },
  ];
  const runs = [{ timeline: 1, first: 1n, last: 9n }];
  const chosen = namesOf(chooseSegments(runs, verified, nightOf(100, undefined)));
  assert.deepEqual(chosen, ['1/9', '1/5', '1/6', '1/1', '1/2', '1/3', '1/4']);
  assert.deepEqual(namesOf(chooseSegments(runs, verified, nightOf(100, 20))), ['1/9', '1/5']);
});

test('what was only compared is read where it can be decoded, and not the other way round', () => {
  const range = { timeline: 1, first: 1n, last: 2n };
  const stored: VerifiedRange[] = [{ ...range, depth: 'stored', verifiedAt: day(99) }];
  const decoded: VerifiedRange[] = [{ ...range, depth: 'decoded', verifiedAt: day(99) }];
  assert.equal(namesOf(chooseSegments([range], stored, nightOf(100, undefined))).length, 2);
  assert.deepEqual(chooseSegments([range], decoded, { ...nightOf(100, undefined), depth: 'stored' }), []);
});

test('parts of backups are chosen in the same way, each within the budget of a night', () => {
  const backupOf = (id: string, numbers: readonly number[]) => ({
    ...sampleRecord,
    id,
    parts: numbers.map(number => ({
      number,
      name: `parts/${number}.tar`,
      storedSizeBytes: 1,
      storedSha256: '',
    })),
  });
  const records = [backupOf('a', [1, 2, 4, 5]), backupOf('b', [1, 2, 3])];
  const verified: VerifiedParts[] = [
    { backup: 'a', parts: [[0, 2]], depth: 'decoded', verifiedAt: day(50) },
    { backup: 'b', parts: [[0, 1]], depth: 'decoded', verifiedAt: day(99) },
    { backup: 'b', parts: [[1, 3]], depth: 'stored', verifiedAt: day(99) },
  ];
  const namesIn = (percent: number | undefined) =>
    chooseParts(records, verified, nightOf(100, percent)).flatMap(chosen =>
      [...partsOf(chosen)].map(({ number }) => `${chosen.record.id}${number}`),
    );
  assert.deepEqual(namesIn(undefined), ['a1', 'a2', 'a4', 'a5', 'b2', 'b3']);
  assert.deepEqual(namesIn(40), ['a4', 'a5', 'b2']);
  assert.deepEqual(namesIn(10), ['a4']);
  // What is beside the parts, alone, takes the place of one.
  const withoutBeside = [{ ...verified[0], parts: [[1, 5]] }, verified[1]] as VerifiedParts[];
  const [first, ...more] = chooseParts(records, withoutBeside, nightOf(60, 10));
  assert.deepEqual([first?.ranges, first?.count, more], [[[0, 0]], 0, []]);
});

test('of unproven segments those beside proven ones are read first, and of each range and in all no more than a bound', () => {
  const runs = [{ timeline: 1, first: 100n, last: 200n }];
  const behind = { timeline: 1, first: 201n, last: 1000n };
  const before = { timeline: 1, first: 2n, last: 99n };
  const apart = { timeline: 1, first: 3000n, last: 3000n };
  const planted = Array.from({ length: 100 }, (_, index) => ({ timeline: index + 2, first: 1n, last: 1n }));
  const chosen = chooseUnproven([...planted, before, apart, behind], runs);
  assert.deepEqual(chosen.slice(0, 2), [
    { timeline: 1, first: 201n, last: 216n },
    { timeline: 1, first: 84n, last: 99n },
  ]);
  assert.deepEqual(chosen.slice(2), planted.slice(0, 62));
});
