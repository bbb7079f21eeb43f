import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeTimelines } from '../../../../src/operations/list/timelines.ts';

const segmentSizeBytes = 16 * 1024 ** 2;
const at = (hour: number) => new Date(Date.UTC(2026, 0, 1, hour));
const run = (timeline: number, first: bigint, last: bigint, hour: number) => ({
  timeline,
  first,
  last,
  storedBytes: 100,
  lastModified: at(hour),
});

test('names each hole and counts what is there', () => {
  const [first] = describeTimelines(
    [run(1, 254n, 256n, 5), run(1, 258n, 258n, 3)],
    new Map(),
    segmentSizeBytes,
  );
  assert.equal(first?.firstSegment, '0000000100000000000000FE');
  assert.equal(first?.lastSegment, '000000010000000100000002');
  assert.equal(first?.segmentCount, 4);
  assert.equal(first?.storedBytes, 200);
  assert.deepEqual(first?.lastArchivedAt, at(5));
  assert.deepEqual(first?.holes, [
    { firstSegment: '000000010000000100000001', lastSegment: '000000010000000100000001', segmentCount: 1 },
  ]);
});

test('a timeline of which only the history is archived is listed too', () => {
  const tree = new Map([[2, { parent: 1, switchpoint: 0x16b3740n }]]);
  const listed = describeTimelines([run(1, 1n, 1n, 1)], tree, segmentSizeBytes);
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
