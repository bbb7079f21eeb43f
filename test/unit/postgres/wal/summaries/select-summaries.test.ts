import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { selectSummaries, type WalSpan } from '../../../../../src/postgres/wal/summaries/select-summaries.ts';
import type { WalSummary } from '../../../../../src/postgres/wal/summaries/summary-name.ts';

const of = (timeline: number, startLsn: bigint, endLsn: bigint): WalSummary => ({
  timeline,
  startLsn,
  endLsn,
});
const left = (timeline: number, switchpoint: bigint) => ({ timeline, switchpoint, reason: '' });
const onOne: WalSpan = { from: { timeline: 1, lsn: 100n }, to: { timeline: 1, lsn: 200n }, history: [] };
/** Timeline 3, which left 2 at 180, which left 1 at 150. */
const onThree: WalSpan = {
  from: { timeline: 1, lsn: 100n },
  to: { timeline: 3, lsn: 200n },
  history: [left(1, 150n), left(2, 180n)],
};

/** What was selected, with `!` where no truncation counts; or what is missing. */
function select(available: WalSummary[], span: WalSpan): string {
  const selection = selectSummaries(available, span);
  const text = ({ timeline, startLsn, endLsn }: WalSummary) => `${timeline}:${startLsn}-${endLsn}`;
  if (selection.kind === 'missing') return `missing ${text(selection.missing)}`;
  if (selection.kind === 'unrelated') return 'unrelated';
  return selection.summaries
    .map(({ summary, hasForeignWal }) => `${text(summary)}${hasForeignWal ? '!' : ''}`)
    .join(' ');
}

test.each<[string, WalSummary[], WalSpan, string]>([
  ['one', [of(1, 100n, 200n)], onOne, '1:100-200'],
  ['a larger one', [of(1, 50n, 250n)], onOne, '1:50-250!'],
  ['several in any order', [of(1, 150n, 200n), of(1, 90n, 150n)], onOne, '1:90-150 1:150-200'],
  ['overlapping ones', [of(1, 90n, 170n), of(1, 100n, 120n), of(1, 160n, 200n)], onOne, '1:90-170 1:100-120 1:160-200'],
  ['those that only touch the span', [of(1, 50n, 100n), of(1, 100n, 200n), of(1, 200n, 300n)], onOne, '1:100-200'],
  ['none', [], onOne, 'missing 1:100-200'],
  ['those of another timeline', [of(2, 100n, 200n)], onOne, 'missing 1:100-200'],
  ['a late beginning', [of(1, 110n, 200n)], onOne, 'missing 1:100-110'],
  ['a hole', [of(1, 90n, 120n), of(1, 130n, 200n)], onOne, 'missing 1:120-130'],
  ['a hole of one byte', [of(1, 90n, 120n), of(1, 121n, 200n)], onOne, 'missing 1:120-121'],
  ['nothing of what was before the timeline of the start', [of(1, 90n, 150n), of(2, 160n, 180n), of(3, 180n, 200n)], { ...onThree, from: { timeline: 2, lsn: 160n } }, '2:160-180! 3:180-200'],
  ['an early end', [of(1, 90n, 199n)], onOne, 'missing 1:199-200'],
  ['each timeline up to its switchpoint', [of(3, 180n, 200n), of(2, 150n, 180n), of(1, 90n, 130n), of(1, 130n, 150n)], onThree, '1:90-130 1:130-150! 2:150-180! 3:180-200'],
  ['summaries beyond the switchpoint', [of(1, 90n, 170n), of(2, 150n, 180n), of(3, 180n, 300n)], onThree, '1:90-170! 2:150-180! 3:180-300!'],
  ['one that begins at the switchpoint', [of(1, 90n, 150n), of(1, 150n, 170n), of(2, 150n, 180n), of(3, 180n, 200n)], onThree, '1:90-150! 2:150-180! 3:180-200'],
  ['a timeline without its own', [of(1, 90n, 300n), of(3, 180n, 200n)], onThree, 'missing 2:150-180'],
  ['a timeline that was left where it began', [of(1, 90n, 150n), of(3, 150n, 200n)], { ...onThree, history: [left(1, 150n), left(2, 150n)] }, '1:90-150! 3:150-200'],
  ['a start behind the switchpoint', [of(1, 90n, 300n)], { ...onThree, from: { timeline: 1, lsn: 150n } }, 'unrelated'],
  ['a start on a timeline of no ancestor', [of(4, 90n, 300n)], { ...onThree, from: { timeline: 4, lsn: 100n } }, 'unrelated'],
  ['an end before its timeline', [of(1, 90n, 300n)], { ...onThree, to: { timeline: 3, lsn: 170n } }, 'unrelated'],
  ['no WAL in between', [of(1, 90n, 300n)], { ...onOne, to: onOne.from }, 'unrelated'],
])('%s', (_what, available, span, expected) => {
  assert.equal(select(available, span), expected);
}); // prettier-ignore

test('whether the server was promoted in between is said', () => {
  const selected = selectSummaries([of(1, 0n, 300n), of(2, 0n, 300n), of(3, 0n, 300n)], onThree);
  assert.equal(selected.kind === 'complete' && selected.isAcrossTimelines, true);
  const here = selectSummaries([of(1, 0n, 300n)], onOne);
  assert.equal(here.kind === 'complete' && here.isAcrossTimelines, false);
});

test('a selection is complete just if each byte of the span is in a summary of its timeline', () => {
  const lsn = fc.bigInt({ min: 95n, max: 205n });
  const summary = fc
    .record({
      timeline: fc.integer({ min: 1, max: 3 }),
      startLsn: lsn,
      size: fc.bigInt({ min: 1n, max: 60n }),
    })
    .map(({ timeline, startLsn, size }) => of(timeline, startLsn, startLsn + size));
  fc.assert(
    fc.property(fc.array(summary, { maxLength: 12 }), available => {
      const timelineAt = (at: bigint) => (at < 150n ? 1 : at < 180n ? 2 : 3);
      const isCovered = (at: bigint) =>
        available.some(
          ({ timeline, startLsn, endLsn }) => timeline === timelineAt(at) && startLsn <= at && at < endLsn,
        );
      const bytes = Array.from({ length: 100 }, (_, index) => 100n + BigInt(index));
      const selection = selectSummaries(available, onThree);
      const hole = bytes.find(at => !isCovered(at));
      assert.equal(selection.kind, hole === undefined ? 'complete' : 'missing');
      if (selection.kind === 'missing') assert.equal(selection.missing.startLsn, hole);
    }),
  );
});
