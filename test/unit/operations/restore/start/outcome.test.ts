import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { outcomeOf, type Seen, type Wanted } from '../../../../../src/operations/restore/start/outcome.ts';

const recovering: Seen = {
  isRunning: true,
  status: 'standby',
  state: 'in-archive-recovery',
  session: { isInRecovery: true, isPaused: false },
};
const pause: Wanted = { mode: 'point-in-time', targetAction: 'pause' };
const promote: Wanted = { mode: 'point-in-time', targetAction: 'promote' };
const shutdown: Wanted = { mode: 'point-in-time', targetAction: 'shutdown' };
const standby: Wanted = { mode: 'standby', targetAction: 'promote' };

describe('a server that runs', () => {
  const cases: readonly [what: string, seen: Partial<Seen>, wanted: Wanted, outcome: string][] = [
    ['is on its way until it is consistent', { status: 'starting', session: 'not-yet' }, pause, 'on its way'],
    ['is on its way while it replays', {}, pause, 'on its way'],
    ['has paused', { session: { isInRecovery: true, isPaused: true } }, pause, 'paused'],
    [
      'has opened',
      { status: 'ready', session: { isInRecovery: false, isPaused: false } },
      promote,
      'promoted',
    ],
    ['has opened, though it lets nobody in', { status: 'ready', session: 'refused' }, promote, 'promoted'],
    ['is consistent and lets nobody in', { session: 'refused' }, pause, 'unknown'],
    ['is not consistent and lets nobody in', { status: 'starting', session: 'refused' }, pause, 'on its way'],
    ['follows', {}, standby, 'following'],
    ['follows, though it lets nobody in', { session: 'refused' }, standby, 'following'],
    ['will follow', { status: 'starting', session: 'not-yet' }, standby, 'on its way'],
  ];
  for (const [what, seen, wanted, outcome] of cases)
    test(what, () => assert.equal(outcomeOf({ ...recovering, ...seen }, wanted) ?? 'on its way', outcome));
});

describe('a server that has gone', () => {
  const gone: Seen = { ...recovering, isRunning: false, status: undefined, session: 'not-yet' };
  const inOrder: Seen = { ...gone, state: 'shut-down-in-recovery' };

  test('has shut down at its target, where that was wanted, or it could not pause', () => {
    assert.equal(outcomeOf(inOrder, shutdown), 'shut-down');
    assert.equal(outcomeOf(inOrder, pause), 'shut-down');
  });

  test('has been stopped by somebody, where it was to go on', () => {
    assert.equal(outcomeOf(inOrder, promote), 'ended');
    assert.equal(outcomeOf(inOrder, standby), 'ended');
  });

  test('has failed, where it did not stop in good order', () => {
    for (const wanted of [pause, promote, shutdown, standby])
      for (const state of ['in-production', 'in-archive-recovery', 'shut-down', 'starting-up'] as const)
        assert.equal(outcomeOf({ ...gone, state }, wanted), 'ended');
  });
});
