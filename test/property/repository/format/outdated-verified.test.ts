/** Whichever outdated notes of `verify` are removed: what they said of the data that is there is still said. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import {
  outdatedReadings,
  outdatedRuns,
  type NotedReading,
} from '../../../../src/repository/format/notes/outdated-verified.ts';
import {
  isAsDeep,
  soundRanges,
  type ReadDepth,
  type VerifiedRun,
} from '../../../../src/repository/format/notes/verified.ts';
import type { SegmentRange } from '../../../../src/postgres/wal/segment-range.ts';

const segments = 12;
const range: fc.Arbitrary<SegmentRange> = fc
  .tuple(fc.constantFrom(1, 2), fc.nat(segments - 1), fc.nat(4))
  .map(([timeline, first, more]) => ({ timeline, first: BigInt(first), last: BigInt(first + more) }));
const notes: fc.Arbitrary<NotedReading[]> = fc.array(
  fc
    .record({
      depth: fc.constantFrom('stored' as const, 'decoded' as const, 'damaged' as const),
      ranges: fc.array(range, { minLength: 1, maxLength: 3 }),
      verifiedAt: fc.nat(8).map(day => new Date(day)),
    })
    .map(note => ({ ...note, key: '' })),
  { maxLength: 12 },
);

/** When each segment that is there was last read as deep as that, and found sound since. */
function answers(read: readonly NotedReading[], there: readonly SegmentRange[]): unknown {
  const sound = soundRanges(
    read.flatMap(({ ranges, depth, verifiedAt }) => ranges.map(one => ({ ...one, depth, verifiedAt }))),
  );
  return there.flatMap(({ timeline, first, last }) =>
    (['stored', 'decoded'] as const).flatMap((wanted: ReadDepth) =>
      Array.from({ length: Number(last - first) + 1 }, (_, index) => {
        const segment = first + BigInt(index);
        const times = sound
          .filter(one => one.timeline === timeline && one.first <= segment && segment <= one.last)
          .filter(({ depth }) => isAsDeep(depth, wanted))
          .map(({ verifiedAt }) => verifiedAt.getTime());
        return Math.max(-1, ...times);
      }),
    ),
  );
}

describe('outdated notes of verify', () => {
  it('change no answer when they, or some of them, are removed', () => {
    let removedCount = 0;
    fc.assert(
      fc.property(
        notes,
        fc.array(range, { maxLength: 3 }),
        fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
        fc.array(fc.record({ depth: fc.constantFrom('decoded' as const, 'damaged' as const), range }), {
          maxLength: 2,
        }),
        (read, there, deleted, later) => {
          const outdated = outdatedReadings(read, there);
          removedCount += outdated.length;
          const left = read.filter((note, index) => !(outdated.includes(note) && deleted[index] === true));
          assert.deepEqual(answers(left, there), answers(read, there));
          // And whatever the following nights find.
          const next = later.map((one, index) => ({ key: '', depth: one.depth, ranges: [one.range], verifiedAt: new Date(100 + index) })); // prettier-ignore
          assert.deepEqual(answers([...left, ...next], there), answers([...read, ...next], there));
          // The next cleanup, after one that removed only some.
          const again = outdatedReadings(left, there);
          assert.deepEqual(answers(left.filter(note => !again.includes(note)), there), answers(read, there)); // prettier-ignore
        },
      ),
      { numRuns: 3000 },
    );
    assert.ok(removedCount > 3000, 'too little was outdated to tell anything');
  });

  it('never bring back what a note calls damaged, even if it is gone and comes back', () => {
    fc.assert(
      fc.property(notes, fc.array(range, { maxLength: 2 }), (read, there) => {
        const everything = [1, 2].map(timeline => ({ timeline, first: 0n, last: BigInt(segments + 4) }));
        const before = answers(read, everything) as number[];
        const outdated = outdatedReadings(read, there);
        const after = answers(read.filter(note => !outdated.includes(note)), everything) as number[]; // prettier-ignore
        for (const [index, time] of after.entries()) assert.ok(time <= (before[index] ?? -1));
      }),
      { numRuns: 3000 },
    );
  });

  it('are, after every night, all but the last ones', () => {
    const there = [{ timeline: 1, first: 1n, last: 9n }];
    const night = (day: number, depth: NotedReading['depth'], ranges = there): NotedReading => ({ key: `${day} ${depth}`, depth, ranges, verifiedAt: new Date(day) }); // prettier-ignore
    const keys = (...read: NotedReading[]) => outdatedReadings(read, there).map(({ key }) => key);
    assert.deepEqual(keys(night(1, 'decoded'), night(2, 'decoded')), ['1 decoded']);
    assert.deepEqual(keys(night(1, 'decoded'), night(2, 'stored')), [], 'the later one proves less');
    assert.deepEqual(keys(night(1, 'stored'), night(2, 'damaged'), night(3, 'decoded')), ['1 stored', '2 damaged']); // prettier-ignore
    assert.deepEqual(keys(night(1, 'decoded'), night(2, 'damaged'), night(3, 'stored')), ['1 decoded']);
    const some = [{ timeline: 1, first: 1n, last: 4n }];
    const rest = [{ timeline: 1, first: 5n, last: 9n }];
    assert.deepEqual(keys(night(1, 'decoded'), night(2, 'decoded', some)), []);
    assert.deepEqual(keys(night(1, 'decoded'), night(2, 'decoded', some), night(3, 'decoded', rest)), ['1 decoded']); // prettier-ignore
    const gone = [{ timeline: 1, first: 20n, last: 29n }];
    assert.deepEqual(keys(night(1, 'decoded', gone)), ['1 decoded']);
    assert.deepEqual(keys(night(1, 'decoded', gone), night(2, 'damaged', gone)), ['1 decoded']);
  });
});

describe('outdated runs of verify', () => {
  it('are all but the last one, and the last one that found nothing', () => {
    const run = (damaged: number) => ({ run: { damaged } as VerifiedRun });
    const [damaged, worse, sound] = [run(1), run(2), run(0)];
    assert.deepEqual(outdatedRuns([damaged, worse, sound]), [worse]);
    assert.deepEqual(outdatedRuns([sound, damaged]), [damaged]);
    assert.deepEqual(outdatedRuns([damaged]), []);
  });
});
