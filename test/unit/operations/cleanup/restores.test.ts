import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { claimedRanges } from '../../../../src/operations/cleanup/claimed-by-restores.ts';
import type { RestoreInProgress } from '../../../../src/repository/restores-in-progress.ts';
import {
  backup,
  geometry,
  kept,
  plan,
  reasonsFor,
  removedWal,
  restoring,
  wal,
} from '../../../support/cleanup-state.ts';

const backups = [
  backup({ id: 'A', at: 1, segments: [3, 4] }),
  backup({ id: 'A+', at: 2, segments: [5, 6], parent: 'A' }),
  backup({ id: 'B', at: 10, segments: [20, 21] }),
  backup({ id: 'C', at: 19, segments: [40, 41] }),
];
const state = { backups, wal: [wal(1, 1, 50, 20)] };
const policy = { keepLast: 1 };

describe('a cleanup beside a restore', () => {
  it('keeps the backup, those it builds on, and all WAL from the first segment that recovery needs', () => {
    assert.deepEqual(kept(plan(state, policy, 20)), ['C']);
    const beside = plan({ ...state, restores: [restoring('A+', '000000010000000000000005')] }, policy, 20);
    assert.deepEqual(kept(beside), ['A', 'A+', 'C']);
    assert.deepEqual(reasonsFor(beside, 'A+'), ['restoring']);
    assert.deepEqual(removedWal(beside), ['1:1-2']);
    const reason = beside.backups.find(({ id }) => id === 'A+')?.reasons[0]?.text ?? '';
    assert.match(reason, /a restore into \/srv\/restored on db2 needs it \(replaying, held until 2026-01-23/);
  });

  it('keeps the WAL of a restore whose backup is not listed', () => {
    const beside = plan({ ...state, restores: [restoring('gone', '000000010000000000000014')] }, policy, 20);
    assert.deepEqual([kept(beside), removedWal(beside)], [['C'], ['1:1-19']]);
  });

  it('holds no timeline that the restore cannot reach', () => {
    const tree = new Map([[2, { parent: 1, switchpoint: 0x0a00_0100n }]]);
    const both = [wal(1, 1, 50, 20), wal(2, 10, 12, 3)];
    const held = (restore: RestoreInProgress) =>
      claimedRanges({ restores: [restore], wal: both, tree }, geometry).map(
        ({ timeline, first }) => `${timeline}:${first}`,
      );
    assert.deepEqual(held(restoring('B', '000000010000000000000014')), ['1:20']);
    assert.deepEqual(held(restoring('A', '000000010000000000000003')), ['1:3', '2:3']);
  });
});
