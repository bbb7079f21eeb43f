import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { WalGeometry } from '../../../../src/postgres/wal/geometry.ts';
import type { AcknowledgedGap } from '../../../../src/repository/format/notes/gap-acknowledged.ts';
import { findGaps, type GapSources } from '../../../../src/repository/wal/gaps.ts';
import { knownFromHistories, type KnownWal } from '../../../../src/repository/wal/known-wal.ts';

const geometry = new WalGeometry(1024 ** 2);
const range = (timeline: number, first: number, last = first) => ({
  timeline,
  first: BigInt(first),
  last: BigInt(last),
});
const shown = (sign: KnownWal['sign'], timeline: number, first: number, last = first): KnownWal => ({
  ...range(timeline, first, last),
  sign,
  shownBy: sign,
});

function gaps(sources: Partial<GapSources>): string[] {
  return findGaps({ runs: [], known: [], acknowledged: [], tree: new Map(), geometry, ...sources }).map(
    ({ timeline, first, last, shownBy, acknowledged }) =>
      `${timeline}: ${first}..${last} ${shownBy}${acknowledged === undefined ? '' : ', accepted'}`,
  );
}

describe('the gaps of an archive', () => {
  it('are none where all that once existed is there', () => {
    const known = [shown('backup', 1, 2, 3), shown('high-water', 1, 4)];
    assert.deepEqual(gaps({ runs: [range(1, 1, 4)], known }), []);
    assert.deepEqual(gaps({}), []);
  });

  it('are between segments, after the last one, and where nothing is left', () => {
    const runs = [range(1, 1, 3), range(1, 6, 7)];
    assert.deepEqual(gaps({ runs }), ['1: 4..5 later segments are archived']);
    assert.deepEqual(gaps({ runs, known: [shown('backup', 1, 8, 9)] }), [
      '1: 4..5 later segments are archived',
      '1: 8..9 backup',
    ]);
    assert.deepEqual(gaps({ known: [shown('backup', 2, 5, 6), shown('high-water', 2, 9)] }), [
      '2: 5..9 high-water',
    ]);
  });

  it('are not what cleanup removed', () => {
    const known = [shown('removed', 1, 1, 4), shown('backup', 1, 5, 6), shown('removed', 2, 8, 9)];
    assert.deepEqual(gaps({ runs: [range(1, 5, 7)], known }), []);
    assert.deepEqual(gaps({ runs: [range(1, 1, 2)], known: [shown('removed', 1, 3, 9)] }), []);
  });

  it('reach to a fork, unless the archive never had the timeline', () => {
    const history = [{ timeline: 1, switchpoint: geometry.startLsn(8n) + 5n, reason: '' }];
    const known = knownFromHistories([[2, history]], geometry);
    const tree = new Map([[2, { parent: 1, switchpoint: geometry.startLsn(8n) + 5n }]]);
    const runs = [range(1, 4, 5), range(2, 8, 9)];
    assert.deepEqual(gaps({ runs, known, tree }), ['1: 6..7 timeline 2 left timeline 1 in a later segment']);
    assert.deepEqual(gaps({ runs: [range(2, 9, 9)], known, tree }), []);
  });

  it('begin with the timeline itself', () => {
    const tree = new Map([[2, { parent: 1, switchpoint: geometry.startLsn(8n) + 5n }]]);
    assert.deepEqual(gaps({ runs: [range(2, 9)], known: [shown('high-water', 2, 3)], tree }), []);
    const history = [
      { timeline: 1, switchpoint: geometry.startLsn(8n), reason: '' },
      { timeline: 2, switchpoint: geometry.startLsn(6n), reason: '' },
    ];
    assert.deepEqual(
      knownFromHistories([[3, history]], geometry).map(({ timeline, last }) => [timeline, last]),
      [[1, 7n]],
      'timeline 3 left timeline 2 before that began',
    );
  });

  it('are cut where an acknowledgement ends', () => {
    const accepted: AcknowledgedGap = {
      ...range(1, 3, 5),
      acknowledgedAt: new Date(0),
      user: 'alice',
      host: 'db1',
      reason: 'r',
    };
    const known = [shown('backup', 1, 8)];
    assert.deepEqual(gaps({ runs: [range(1, 1, 3)], known, acknowledged: [accepted] }), [
      '1: 4..5 backup, accepted',
      '1: 6..8 backup',
    ]);
  });
});
