import assert from 'node:assert/strict';
import { test } from 'vitest';
import { distrustOf, leastMinors } from '../../../../../src/postgres/wal/summaries/trust.ts';

test.each<[number, boolean, boolean, RegExp | undefined]>([
  [160_014, true, false, /from version 17/],
  [170_009, true, false, /17\.9 is before 17\.10/],
  [170_010, true, false, undefined],
  [170_010, false, false, /summarize_wal is off/],
  [170_010, true, true, /promoted since then, and 17\.10 is before 17\.12/],
  [170_011, true, true, /17\.11 is before 17\.12/],
  [170_012, true, true, undefined],
  [180_003, true, false, /18\.3 is before 18\.4/],
  [180_004, true, false, undefined],
  [180_006, true, true, /18\.6 is before 18\.7/],
  [180_007, true, true, undefined],
  [190_001, true, false, /PostgreSQL 19 were not tried/],
])('%i, summarize_wal %s, promoted %s', (serverVersion, summarizesWal, isAcrossTimelines, expected) => {
  const reason = distrustOf({ serverVersion, summarizesWal }, { isAcrossTimelines });
  if (expected === undefined) assert.equal(reason, undefined);
  else assert.match(reason ?? '', expected);
});

test('a promotion never asks for less', () => {
  for (const { always, acrossTimelines } of leastMinors.values()) assert.ok(acrossTimelines >= always);
});
