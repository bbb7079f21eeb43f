import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { parseWalFileName } from '../../../../src/postgres/wal/file-name.ts';
import { WalGeometry } from '../../../../src/postgres/wal/geometry.ts';

const lsns = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
const geometries = fc.integer({ min: 20, max: 30 }).map(power => new WalGeometry(2 ** power));
const timelines = fc.integer({ min: 1, max: 0xffff_ffff });

test('the segment of an LSN contains it, and its name leads back', () => {
  fc.assert(
    fc.property(lsns, geometries, timelines, (lsn, geometry, timeline) => {
      const segment = geometry.segmentOf(lsn);
      assert.ok(geometry.startLsn(segment) <= lsn && lsn < geometry.endLsn(segment));
      assert.equal(geometry.endLsn(segment) - geometry.startLsn(segment), BigInt(geometry.segmentSizeBytes));
      const file = parseWalFileName(geometry.nameOf(timeline, segment));
      assert.ok(file?.kind === 'segment' && geometry.isPossible(file));
      assert.deepEqual(geometry.fileOf(timeline, segment), file);
      assert.deepEqual(geometry.positionOf(file), { timeline, segment });
      assert.equal(geometry.lastSegmentBefore(lsn + 1n), segment);
      assert.ok(lsn === 0n || geometry.lastSegmentBefore(lsn) === geometry.segmentOf(lsn - 1n));
    }),
  );
});

test('names sort as their positions on one timeline', () => {
  fc.assert(
    fc.property(lsns, lsns, geometries, (a, b, geometry) => {
      const [x, y] = [geometry.segmentOf(a), geometry.segmentOf(b)];
      assert.equal(x < y, geometry.nameOf(1, x) < geometry.nameOf(1, y));
    }),
  );
});

test('a range and its names lead to each other', () => {
  fc.assert(
    fc.property(lsns, lsns, geometries, timelines, (a, b, geometry, timeline) => {
      const [start, end] = a < b ? [a, b] : [b, a];
      const range = geometry.rangeOf(timeline, start, end + 1n);
      assert.deepEqual(range, { timeline, first: geometry.segmentOf(start), last: geometry.segmentOf(end) });
      const [first, last] = [range.first, range.last].map(one => geometry.nameOf(timeline, one));
      assert.deepEqual(geometry.rangeOfNames(first ?? '', last ?? ''), range);
    }),
  );
});
