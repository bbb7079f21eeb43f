import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  historyFileName,
  isPossiblePosition,
  isValidSegmentSize,
  lastSegmentBefore,
  parseWalFileName,
  segmentName,
  segmentNumber,
  segmentNumberOfLsn,
  segmentStartLsn,
} from '../../../../src/postgres/wal/file-name.ts';
import { formatLsn, parseLsn } from '../../../../src/postgres/wal/lsn.ts';

const mebibyte = 1024 ** 2;

describe('LSNs', () => {
  test('read and write as PostgreSQL does', () => {
    assert.equal(parseLsn('0/16B3740'), 0x16b3740n);
    assert.equal(parseLsn('a/ffffffff'), 0xaffffffffn);
    assert.equal(formatLsn(0xaffffffffn), 'A/FFFFFFFF');
    assert.equal(formatLsn(0n), '0/0');
    assert.equal(formatLsn(parseLsn('FFFFFFFF/00000028')), 'FFFFFFFF/28');
  });
  for (const text of ['', '0', '/', '0/', '/0', '0/123456789', '0/16B374G', ' 0/0', '0/0\n', '-1/0', '0/0/0'])
    test(`${JSON.stringify(text)} is refused`, () => {
      assert.throws(() => parseLsn(text), { code: 'usage' });
    });
});

describe('names of WAL files', () => {
  test('the four kinds', () => {
    const position = { timeline: 2, log: 1, seg: 0xab };
    const segment = '0000000200000001000000AB';
    assert.deepEqual(parseWalFileName(segment), { kind: 'segment', name: segment, ...position });
    assert.deepEqual(parseWalFileName(`${segment}.partial`), {
      kind: 'partial',
      name: `${segment}.partial`,
      ...position,
    });
    assert.deepEqual(parseWalFileName(`${segment}.00000028.backup`), {
      kind: 'backup',
      name: `${segment}.00000028.backup`,
      ...position,
      offset: 0x28,
    });
    assert.deepEqual(parseWalFileName('0000000A.history'), {
      kind: 'history',
      name: '0000000A.history',
      timeline: 10,
    });
    assert.equal(historyFileName(10), '0000000A.history');
  });
  for (const name of [
    '0000000200000001000000ab',
    '0000000200000001000000A',
    '0000000200000001000000ABC',
    '0000000200000001000000AB.part',
    '0000000200000001000000AB.28.backup',
    '0000000200000001000000AB.00000028.backup.done',
    '0000000200000001000000AB\n',
    'pg_wal/0000000200000001000000AB',
    '0000000a.history',
    '0000000A.history.tmp',
    'RECOVERYXLOG',
    'archive_status',
    '',
  ])
    test(`${JSON.stringify(name)} is none`, () => {
      assert.equal(parseWalFileName(name), undefined);
    });
});

describe('arithmetic of segments', () => {
  test('FF is followed by 00 of the next log, at every segment size', () => {
    const nextOf = (name: string, segmentSizeBytes: number) => {
      const file = parseWalFileName(name);
      assert.ok(file?.kind === 'segment');
      return segmentName(file.timeline, segmentNumber(file, segmentSizeBytes) + 1n, segmentSizeBytes);
    };
    assert.equal(nextOf('0000000100000000000000FF', 16 * mebibyte), '000000010000000100000000');
    assert.equal(nextOf('000000010000000000000FFF', mebibyte), '000000010000000100000000');
    assert.equal(nextOf('00000001000000000000003F', 64 * mebibyte), '000000010000000100000000');
    assert.equal(nextOf('000000010000000000000003', 1024 * mebibyte), '000000010000000100000000');
    assert.equal(nextOf('0000000100000000000000FF', mebibyte), '000000010000000000000100');
  });
  test('an end on a boundary needs only the segment before', () => {
    const size = 16 * mebibyte;
    assert.equal(lastSegmentBefore(parseLsn('0/3000000'), size), 2n);
    assert.equal(lastSegmentBefore(parseLsn('0/3000001'), size), 3n);
    assert.equal(lastSegmentBefore(parseLsn('0/2FFFFFF'), size), 2n);
    assert.equal(segmentNumberOfLsn(parseLsn('0/3000000'), size), 3n);
    assert.equal(formatLsn(segmentStartLsn(3n, size)), '0/3000000');
  });
  test('a name above what a log holds is impossible', () => {
    assert.equal(isPossiblePosition({ seg: 0xff }, 16 * mebibyte), true);
    assert.equal(isPossiblePosition({ seg: 0x100 }, 16 * mebibyte), false);
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
    ])
      assert.ok(!isValidSegmentSize(size), String(size));
  });
});
