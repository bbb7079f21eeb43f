import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import { parseTargetTime } from '../../../../src/operations/restore/target-time.ts';
import { formatMicros } from '../../../../src/postgres/wal/timestamp.ts';
import { describeTarget, parseTarget, recoveryTargetOf } from '../../../../src/operations/restore/target.ts';

const tenMicros = BigInt(Date.UTC(2026, 10, 22, 10)) * 1000n;

describe('times', () => {
  for (const [text, micros] of [
    ['2026-11-22 10:00:00+00', tenMicros],
    ['2026-11-22T10:00:00Z', tenMicros],
    ['2026-11-22 10:00 UTC', tenMicros],
    ['2026-11-22 12:00:00+02', tenMicros],
    ['2026-11-22 12:30:00+02:30', tenMicros],
    ['2026-11-22 05:30:00-0430', tenMicros],
    ['2026-11-22 10:00:00.123456+00', tenMicros + 123_456n],
    ['2026-11-22 10:00:00.5Z', tenMicros + 500_000n],
    ['2026-11-22 11:00:00.5 Europe/Berlin', tenMicros + 500_000n],
    ['2026-11-22 05:00 America/New_York', tenMicros],
    ['2026-11-22 10:00 Etc/UTC', tenMicros],
    ['2026-11-23 01:00+15', tenMicros],
    ['2026-10-25 01:59:59.9 Europe/Berlin', BigInt(Date.UTC(2026, 9, 24, 23, 59, 59)) * 1000n + 900_000n],
    ['2026-10-25 03:00 Europe/Berlin', BigInt(Date.UTC(2026, 9, 25, 2)) * 1000n],
  ] as const)
    test(text, () => assert.equal(parseTargetTime(text), micros));

  for (const text of [
    '',
    'yesterday',
    '2026-11-22',
    '2026-02-30 10:00:00+00',
    '2026-13-01 10:00:00+00',
    '2026-11-22 24:00:00+00',
    '2026-11-22 10:60:00+00',
    '2026-11-22 10:00:00.1234567+00',
    '1790000000',
    '2026-11-22 10:00:00+99',
    '2026-11-22 10:00:00+16',
    '2026-11-22 10:00:00-01:60',
    '2026-11-22 10:00:00 CST',
    '2026-11-22 10:00:00 Europe/Berlim',
  ])
    test(`refuses "${text}"`, () =>
      assert.throws(
        () => parseTargetTime(text),
        (error: WalvaultError) => error.code === 'usage',
      ));

  test('without a zone: refused, and shown in UTC and in the zone of this host', () => {
    assert.throws(
      () => parseTargetTime('2026-11-22 10:00:00.25'),
      (error: WalvaultError) =>
        error.code === 'usage' &&
        /In UTC it is "2026-11-22 10:00:00.25\+00"; in this host's zone, /.test(error.hint ?? ''),
    );
  });

  test('a time that a zone has twice is refused with both, one that it never has is refused', () => {
    const refused = (text: string, message: RegExp, hint: RegExp) =>
      assert.throws(
        () => parseTargetTime(text),
        (error: WalvaultError) =>
          error.code === 'usage' && message.test(error.message) && hint.test(error.hint ?? ''),
      );
    refused(
      '2026-10-25 02:30:00.5 Europe/Berlin',
      /was twice/,
      /"2026-10-25 00:30:00.5\+00" or "2026-10-25 01:30:00.5\+00"/,
    );
    refused('2026-03-29 02:30 Europe/Berlin', /does not exist/, /before or after/);
    refused('2026-11-22 10:00 CET', /no time zone "CET"/, /Europe\/Berlin/);
  });

  test('without a zone, such a time is shown as what it could be on this host', () => {
    const before = process.env['TZ'];
    process.env['TZ'] = 'Europe/Berlin';
    try {
      const hintOf = (text: string) => {
        try {
          return String(parseTargetTime(text));
        } catch (error) {
          return (error as WalvaultError).hint ?? '';
        }
      };
      assert.match(
        hintOf('2026-10-25 02:30'),
        /Berlin, it is "2026-10-25 00:30:00\+00" or "2026-10-25 01:30:00\+00"/,
      );
      assert.match(hintOf('2026-03-29 02:30'), /Berlin, it does not exist/);
    } finally {
      if (before === undefined) delete process.env['TZ'];
      else process.env['TZ'] = before;
    }
  });

  test('are written so that they read back the same', () => {
    for (const micros of [0n, -1n, 1n, tenMicros, tenMicros + 120n, -62_000_000_000_001n])
      assert.equal(parseTargetTime(formatMicros(micros)), micros);
    assert.equal(formatMicros(tenMicros + 120_000n), '2026-11-22 10:00:00.12+00');
  });
});

describe('targets', () => {
  test('none is the end', () => assert.deepEqual(parseTarget({}), { kind: 'end' }));

  test('two are refused', () =>
    assert.throws(() => parseTarget({ targetXid: '5', targetImmediate: true }), /only one recovery target/));

  test('exclusive needs something to exclude', () =>
    assert.throws(() => parseTarget({ targetName: 'x', exclusive: true }), /--exclusive/));

  test('a transaction id with its epoch is cut as PostgreSQL cuts it', () => {
    assert.deepEqual(parseTarget({ targetXid: '4294968300' }), {
      kind: 'xid',
      transactionId: 1004,
      inclusive: true,
    });
    assert.throws(() => parseTarget({ targetXid: '2' }), /ordinary transaction/);
    assert.throws(() => parseTarget({ targetXid: 'x' }), /not a transaction id/);
  });

  test('names have 63 bytes at most', () => {
    assert.throws(() => parseTarget({ targetName: 'ä'.repeat(32) }), /restore point/);
    assert.equal(describeTarget(parseTarget({ targetName: 'before' })), 'restore point "before"');
  });

  test('as PostgreSQL reads them', () => {
    assert.deepEqual(
      recoveryTargetOf(parseTarget({ targetTime: '2026-11-22 12:00:00+02', exclusive: true })),
      {
        kind: 'time',
        value: '2026-11-22 10:00:00+00',
        inclusive: false,
      },
    );
    assert.deepEqual(recoveryTargetOf(parseTarget({ targetLsn: '0/16B3740' })), {
      kind: 'lsn',
      value: '0/16B3740',
      inclusive: true,
    });
    assert.deepEqual(recoveryTargetOf(parseTarget({})), { kind: 'latest' });
  });
});
