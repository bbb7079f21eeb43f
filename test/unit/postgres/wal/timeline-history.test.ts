import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { parseLsn } from '../../../../src/postgres/wal/lsn.ts';
import {
  parseTimelineHistory,
  switchpointOf,
  timelineOfLsn,
} from '../../../../src/postgres/wal/timeline-history.ts';

const text =
  '1\t0/3000158\tno recovery target specified\n\n# a note\n3\t0/5000000\tbefore 2026-11-22 02:00:00+00\n';

describe('timeline history', () => {
  test('is read in time, however many blanks a line has', () => {
    const blanks = ' '.repeat(1024 ** 2);
    const read = (line: string) => parseTimelineHistory(2, line, 'h').map(({ reason }) => reason);
    assert.deepEqual(read(`${blanks}1${blanks}0/3000158${blanks}no${blanks}recovery${blanks}`), [
      `no${blanks}recovery`,
    ]);
    assert.throws(() => read(`1${blanks}0/3000158x${blanks}x`), { code: 'damaged' });
  });

  test('lists ancestors and where each was left', () => {
    const history = parseTimelineHistory(4, text, '00000004.history');
    assert.deepEqual(history, [
      { timeline: 1, switchpoint: parseLsn('0/3000158'), reason: 'no recovery target specified' },
      { timeline: 3, switchpoint: parseLsn('0/5000000'), reason: 'before 2026-11-22 02:00:00+00' },
    ]);
    assert.equal(switchpointOf(history, 3), parseLsn('0/5000000'));
    assert.equal(switchpointOf(history, 2), undefined);
    assert.equal(timelineOfLsn(history, 4, parseLsn('0/3000157')), 1);
    assert.equal(timelineOfLsn(history, 4, parseLsn('0/3000158')), 3);
    assert.equal(timelineOfLsn(history, 4, parseLsn('0/5000000')), 4);
  });
  for (const [what, bad] of [
    ['timelines that do not rise', '2\t0/1\tx\n2\t0/2\tx\n'],
    ['a missing switchpoint', '1\n'],
    ['no number', 'one\t0/1\tx\n'],
    ['timeline 0', '0\t0/1\tx\n'],
    ['a timeline too large', '4294967296\t0/1\tx\n'],
    ['binary', '\u0000\u0001\u0002'],
    ['zeros, as after a crash', '\u0000'.repeat(41)],
    ['an empty file', ''],
    ['a comment alone', '# nothing\n'],
    ['a page of a proxy', '<html><body>503</body></html>'],
    ['the timeline itself', '1\t0/1\tx\n4\t0/2\tx\n'],
    ['a later timeline', '5\t0/2\tx\n'],
  ] as const)
    test(`${what} is damage, and the message names file and line`, () => {
      assert.throws(() => parseTimelineHistory(4, bad, '00000004.history'), {
        code: 'damaged',
        message: /^00000004\.history: line \d+: /,
      });
    });
});
