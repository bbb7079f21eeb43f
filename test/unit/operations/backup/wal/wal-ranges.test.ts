import assert from 'node:assert/strict';
import { test } from 'vitest';
import { WalGeometry } from '../../../../../src/postgres/wal/geometry.ts';
import { neededSegments } from '../../../../../src/repository/wal/needed.ts';
import { walRangesOf } from '../../../../../src/operations/backup/wal/wal-ranges.ts';

const mebibyte = 1024n ** 2n;
const geometry = new WalGeometry(16 * 1024 ** 2);
const entry = (timeline: number, switchpoint: bigint) => ({ timeline, switchpoint, reason: '' });

test('one timeline, one range; a stop on a boundary needs the segment before', () => {
  const span = { startTimeline: 1, startLsn: 33n * mebibyte, stopTimeline: 1, stopLsn: 64n * mebibyte };
  const ranges = walRangesOf(span, []);
  assert.deepEqual(ranges, [{ timeline: 1, startLsn: 33n * mebibyte, endLsn: 64n * mebibyte }]);
  assert.deepEqual(neededSegments({ walRanges: ranges, geometry }), [{ timeline: 1, first: 2n, last: 3n }]);
  const beyond = walRangesOf({ ...span, stopLsn: 64n * mebibyte + 1n }, []);
  assert.deepEqual(neededSegments({ walRanges: beyond, geometry }), [{ timeline: 1, first: 2n, last: 4n }]);
});

test('a standby that followed switches has a range a timeline; the segment of a switch is taken from the child', () => {
  const history = [entry(1, 10n * mebibyte), entry(2, 50n * mebibyte), entry(3, 90n * mebibyte)];
  const span = { startTimeline: 2, startLsn: 33n * mebibyte, stopTimeline: 4, stopLsn: 100n * mebibyte };
  const ranges = walRangesOf(span, history);
  assert.deepEqual(ranges, [
    { timeline: 2, startLsn: 33n * mebibyte, endLsn: 50n * mebibyte },
    { timeline: 3, startLsn: 50n * mebibyte, endLsn: 90n * mebibyte },
    { timeline: 4, startLsn: 90n * mebibyte, endLsn: 100n * mebibyte },
  ]);
  assert.deepEqual(neededSegments({ walRanges: ranges, geometry }), [
    { timeline: 2, first: 2n, last: 2n },
    { timeline: 3, first: 3n, last: 4n },
    { timeline: 4, first: 5n, last: 6n },
  ]);
});

test('start and switch in one segment: all of it is taken from the child', () => {
  const span = { startTimeline: 1, startLsn: 33n * mebibyte, stopTimeline: 2, stopLsn: 40n * mebibyte };
  const ranges = walRangesOf(span, [entry(1, 35n * mebibyte)]);
  assert.deepEqual(neededSegments({ walRanges: ranges, geometry }), [{ timeline: 2, first: 2n, last: 2n }]);
});

test('a start that is not on the way to the stop is refused', () => {
  const span = { startTimeline: 1, startLsn: 60n * mebibyte, stopTimeline: 2, stopLsn: 70n * mebibyte };
  assert.throws(() => walRangesOf(span, [entry(1, 50n * mebibyte)]), { code: 'postgres' });
});
