import assert from 'node:assert/strict';
import { test } from 'vitest';
import { WalGeometry } from '../../../../src/postgres/wal/geometry.ts';
import { describeTimelines } from '../../../../src/operations/list/timelines.ts';
import { findGaps } from '../../../../src/repository/wal/gaps.ts';
import { stillMissing } from '../../../../src/repository/wal/lost-wal.ts';

const geometry = new WalGeometry(16 * 1024 ** 2);
const at = (hour: number) => new Date(Date.UTC(2026, 0, 1, hour));
const nothing = {
  ...{ lost: [], gaps: [], removed: [], backups: [] },
  ...{ historyTimes: new Map(), unusable: new Map() },
};
const run = (timeline: number, first: bigint, last: bigint, hour: number) => ({
  timeline,
  first,
  last,
  storedBytes: 100,
  lastModified: at(hour),
});

test('names a split brain: a timeline that was archived on after another one had left it', () => {
  const tree = new Map([[2, { parent: 1, switchpoint: 5n * 16n * 1024n ** 2n }]]);
  const wentOn = (runs: readonly ReturnType<typeof run>[]) => {
    const listed = describeTimelines({
      ...nothing,
      runs,
      tree,
      historyTimes: new Map([[2, at(3)]]),
      geometry,
    });
    return listed.flatMap(({ wentOnBeside }) => wentOnBeside.map(({ description }) => description));
  };
  const isSplit = [
    'timeline 1 was archived on after timeline 2 left it: a split brain, unless one of them is a copy that archives here',
  ];
  assert.deepEqual(wentOn([run(1, 1n, 5n, 4), run(2, 5n, 5n, 5)]), isSplit);
  assert.deepEqual(wentOn([run(1, 1n, 9n, 2), run(2, 5n, 5n, 5)]), [], 'the old primary was gone by then');
  assert.deepEqual(
    wentOn([run(1, 1n, 4n, 6), run(2, 5n, 5n, 5)]),
    [],
    'what push --missing sends lies before',
  );
  assert.deepEqual(wentOn([run(1, 1n, 2n, 6), run(1, 4n, 9n, 2)]), [], 'and in holes');
});

test('names each hole and counts what is there', () => {
  const runs = [run(1, 254n, 256n, 5), run(1, 258n, 258n, 3), run(1, 262n, 262n, 3)];
  const removed = [{ timeline: 1, first: 259n, last: 261n }];
  const known = [
    { timeline: 1, first: 264n, last: 264n, sign: 'backup', shownBy: 'a backup used it' },
    ...removed.map(range => ({ ...range, sign: 'removed', shownBy: '' }) as const),
  ] as const;
  const by = { user: 'alice', host: 'db1', reason: 'r', acknowledgedAt: at(9) };
  const acknowledged = [{ timeline: 1, first: 257n, last: 257n, ...by }];
  const tree = new Map();
  const gaps = findGaps({ runs, known, acknowledged, tree, geometry });
  const [first] = describeTimelines({ ...nothing, runs, gaps, removed: [...removed], tree, geometry });
  assert.equal(first?.firstSegment, '0000000100000000000000FE');
  assert.equal(first?.lastSegment, '000000010000000100000006');
  assert.equal(first?.segmentCount, 5);
  assert.equal(first?.storedBytes, 300);
  assert.deepEqual(first?.lastArchivedAt, at(5));
  assert.deepEqual(first?.holes, [
    {
      firstSegment: '000000010000000100000001',
      lastSegment: '000000010000000100000001',
      segmentCount: 1,
      shownBy: 'later segments are archived',
      acknowledged: by,
    },
    {
      firstSegment: '000000010000000100000007',
      lastSegment: '000000010000000100000008',
      segmentCount: 2,
      shownBy: 'a backup used it',
      acknowledged: undefined,
    },
  ]);
  assert.deepEqual(
    first?.removed.map(({ firstSegment, lastSegment }) => [firstSegment, lastSegment]),
    [['000000010000000100000003', '000000010000000100000005']],
  );
});

test('a timeline of which only the history is archived is listed too', () => {
  const tree = new Map([[2, { parent: 1, switchpoint: 0x16b3740n }]]);
  const listed = describeTimelines({ ...nothing, runs: [run(1, 1n, 1n, 1)], tree, geometry });
  assert.deepEqual(
    listed.map(({ timeline, hasHistory, segmentCount, firstSegment, parent }) => [
      timeline,
      hasHistory,
      segmentCount,
      firstSegment,
      parent,
    ]),
    [
      [1, false, 1, '000000010000000000000001', undefined],
      [2, true, 0, undefined, 1],
    ],
  );
});

test('what was given up is named inside a hole and beyond the end, unless it was archived after all', () => {
  const lost = (timeline: number, first: bigint, last: bigint) => ({
    timeline,
    first,
    last,
    lostFrom: at(1),
    lostTo: at(2),
    host: 'db1',
    backlogBytes: 9,
    limitBytes: 8,
    reason: 'no answer',
  });
  const runs = [run(1, 1n, 4n, 1), run(1, 7n, 8n, 3)];
  const losses = [lost(1, 4n, 6n), lost(1, 9n, 9n), lost(2, 1n, 1n)];
  const missing = stillMissing(losses, runs);
  const [first, second] = describeTimelines({ ...nothing, runs, lost: missing, tree: new Map(), geometry });
  assert.deepEqual(
    first?.lost.map(({ firstSegment, segmentCount, reason }) => [firstSegment, segmentCount, reason]),
    [
      ['000000010000000000000005', 2, 'no answer'],
      ['000000010000000000000009', 1, 'no answer'],
    ],
  );
  assert.deepEqual([second?.timeline, second?.segmentCount, second?.lost.length], [2, 0, 1]);
});

test('a timeline whose history is gone is named, except the oldest one, which needs none', () => {
  const listed = describeTimelines({
    ...nothing,
    runs: [run(3, 1n, 1n, 1), run(5, 1n, 1n, 1)],
    tree: new Map([[4, { parent: 3, switchpoint: 0x16b3740n }]]),
    geometry,
  });
  assert.deepEqual(
    listed.map(({ timeline, historyProblem }) => [timeline, historyProblem]),
    [
      [3, undefined],
      [4, undefined],
      [5, '00000005.history is not archived'],
    ],
  );
});

test('a timeline whose history cannot be read is named with what is wrong', () => {
  const unusable = new Map([[3, 'it is empty']]);
  const listed = describeTimelines({
    ...nothing,
    runs: [run(1, 1n, 1n, 1)],
    tree: new Map(),
    unusable,
    geometry,
  });
  assert.deepEqual(
    listed.map(({ timeline, hasHistory, historyProblem }) => [timeline, hasHistory, historyProblem]),
    [
      [1, false, undefined],
      [3, false, 'it is empty'],
    ],
  );
});
