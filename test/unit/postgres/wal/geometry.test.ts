import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { parseWalFileName } from '../../../../src/postgres/wal/file-name.ts';
import { isValidSegmentSize, WalGeometry } from '../../../../src/postgres/wal/geometry.ts';
import { formatLsn, parseLsn } from '../../../../src/postgres/wal/lsn.ts';
import { describe as describeRange, nameRange } from '../../../../src/postgres/wal/segment-range.ts';

const mebibyte = 1024 ** 2;
const usual = new WalGeometry(16 * mebibyte);

function fileNamed(name: string) {
  const file = parseWalFileName(name);
  assert.ok(file?.kind === 'segment');
  return file;
}

describe('a geometry', () => {
  test('goes from FF to 00 of the next log, at every segment size', () => {
    const nextOf = (name: string, segmentSizeBytes: number) => {
      const geometry = new WalGeometry(segmentSizeBytes);
      const { timeline, segment } = geometry.positionOf(fileNamed(name));
      return geometry.nameOf(timeline, segment + 1n);
    };
    assert.equal(nextOf('0000000100000000000000FF', 16 * mebibyte), '000000010000000100000000');
    assert.equal(nextOf('000000010000000000000FFF', mebibyte), '000000010000000100000000');
    assert.equal(nextOf('00000001000000000000003F', 64 * mebibyte), '000000010000000100000000');
    assert.equal(nextOf('000000010000000000000003', 1024 * mebibyte), '000000010000000100000000');
    assert.equal(nextOf('0000000100000000000000FF', mebibyte), '000000010000000000000100');
  });
  test('needs only the segment before for an end on a boundary', () => {
    assert.equal(usual.lastSegmentBefore(parseLsn('0/3000000')), 2n);
    assert.equal(usual.lastSegmentBefore(parseLsn('0/3000001')), 3n);
    assert.equal(usual.lastSegmentBefore(parseLsn('0/2FFFFFF')), 2n);
    assert.equal(usual.segmentOf(parseLsn('0/3000000')), 3n);
    assert.equal(formatLsn(usual.startLsn(3n)), '0/3000000');
    assert.equal(formatLsn(usual.endLsn(3n)), '0/4000000');
  });
  test('knows a name above what a log holds as impossible', () => {
    assert.equal(usual.isPossible(fileNamed('0000000100000000000000FF')), true);
    assert.equal(usual.isPossible(fileNamed('000000010000000000000100')), false);
  });
  test('has a range for two segments of one timeline alone', () => {
    const first = '000000010000000000000003';
    assert.deepEqual(usual.rangeOfNames(first, '000000010000000000000005'), {
      timeline: 1,
      first: 3n,
      last: 5n,
    });
    for (const other of ['000000020000000000000005', `${first}.partial`, '00000002.history', ''])
      assert.equal(usual.rangeOfNames(first, other), undefined);
  });
  test('has no file beyond the last LSN', () => {
    assert.throws(() => usual.fileOf(1, 1n << 64n), RangeError);
  });
});

test('segment sizes are powers of two from 1 MiB to 1 GiB', () => {
  for (let size = mebibyte; size <= 1024 * mebibyte; size *= 2) assert.ok(isValidSegmentSize(size));
  for (const size of [
    0,
    1,
    mebibyte / 2,
    3 * mebibyte,
    2048 * mebibyte,
    16 * mebibyte + 1,
    NaN,
    1.5 * mebibyte,
  ]) {
    assert.ok(!isValidSegmentSize(size), String(size));
    assert.throws(() => new WalGeometry(size), RangeError);
  }
});

test('ranges are named by their ends', () => {
  const range = { timeline: 1, first: 5n, last: 7n };
  const [firstSegment, lastSegment] = ['000000010000000000000005', '000000010000000000000007'];
  assert.deepEqual(nameRange(range, usual), { firstSegment, lastSegment, segmentCount: 3 });
  assert.equal(describeRange(range, usual), `${firstSegment} to ${lastSegment} (3 segments)`);
  assert.equal(describeRange({ ...range, last: 5n }, usual), firstSegment);
});
