import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { planStandbyCleanup } from '../../../../../src/operations/cleanup/standby/plan.ts';
import { backup, removedWal, stateOf, unfinished, wal } from '../../../../support/cleanup-state.ts';

const restart = { timeline: 2, segment: 200n };

describe('the WAL that a standby has passed', () => {
  const walOfTwo = [wal(1, 1, 150, 1), wal(2, 150, 260, 2)];

  it('goes, on every timeline', () => {
    const plan = planStandbyCleanup(stateOf({ wal: walOfTwo }), restart);
    assert.deepEqual(removedWal(plan), ['1:1-150', '2:150-199']);
  });

  it('stays while it is little, so that few notes tell of it', () => {
    assert.deepEqual(planStandbyCleanup(stateOf({ wal: [wal(2, 150, 260, 2)] }), restart).wal, []);
  });

  it('stays where there is a backup, be it in the making or unreadable', () => {
    const withBackup = [
      stateOf({ wal: walOfTwo, backups: [backup({ id: 'b', at: 1, segments: [220, 221] })] }),
      stateOf({ wal: walOfTwo, unfinished: [unfinished('u', 1)] }),
    ];
    for (const state of withBackup) {
      const plan = planStandbyCleanup(state, restart);
      assert.deepEqual(plan.wal, []);
      assert.match(plan.remarks[0]?.message ?? '', /1 backup here may need/);
    }
  });
});
