import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { historyFileName, parseWalFileName } from '../../../../src/postgres/wal/file-name.ts';
import { formatLsn, parseLsn } from '../../../../src/postgres/wal/lsn.ts';

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
