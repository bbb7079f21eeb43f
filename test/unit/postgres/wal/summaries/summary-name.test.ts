import assert from 'node:assert/strict';
import { test } from 'vitest';
import {
  parseWalSummaryName,
  walSummaryName,
} from '../../../../../src/postgres/wal/summaries/summary-name.ts';

test('a name says timeline, start and end', () => {
  const name = '0000000A00000001000000280000000201ABCDEF.summary';
  const summary = { timeline: 10, startLsn: 0x1_0000_0028n, endLsn: 0x2_01ab_cdefn };
  assert.deepEqual(parseWalSummaryName(name), summary);
  assert.equal(walSummaryName(summary), name);
});

test.each([
  'temp.summary',
  '0000000a00000001000000280000000201abcdef.summary',
  '0000000A00000001000000280000000201ABCDEF.summary.tmp',
  '0000000A0000000100000028.summary',
  '../0000000A00000001000000280000000201ABCDEF.summary',
  // No timeline, no WAL, an end before its start.
  '0000000000000001000000280000000201ABCDEF.summary',
  '0000000100000001000000280000000100000028.summary',
  '0000000100000002000000280000000100000028.summary',
])('%s is no summary', name => {
  assert.equal(parseWalSummaryName(name), undefined);
});
