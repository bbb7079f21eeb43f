import assert from 'node:assert/strict';
import { test } from 'vitest';
import { parseMoment } from '../../../../src/cli/options/moment.ts';

const now = new Date('2026-11-22T10:00:00Z');
const parse = (text: string, day: 'begin' | 'end' = 'begin', duration: 'ago' | 'ahead' = 'ago') =>
  parseMoment(text, { now, day, duration }).toISOString();

test('a moment is a day in UTC, a time with its zone, or a duration', () => {
  assert.equal(parse('2026-11-20'), '2026-11-20T00:00:00.000Z');
  assert.equal(parse('2026-12-31', 'end'), '2027-01-01T00:00:00.000Z');
  assert.equal(parse('2026-11-20 08:30:00+01'), '2026-11-20T07:30:00.000Z');
  assert.equal(parse('7d'), '2026-11-15T10:00:00.000Z');
  assert.equal(parse('1d12h', 'end', 'ahead'), '2026-11-23T22:00:00.000Z');
});

test('a moment is nothing else', () => {
  for (const text of ['', 'yesterday', '2026-02-30', '2026-13-01', '7', '99999999999w', '2026-11-20T08:30'])
    assert.throws(() => parse(text), { code: 'usage' }, text);
});
