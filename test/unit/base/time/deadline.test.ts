import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { createDeadline, hasTimedOut, startDeadline } from '../../../../src/base/time/deadline.ts';
import { sleep } from '../../../../src/base/time/wait.ts';

describe('startDeadline', () => {
  it('aborts with an error that names the limit', async () => {
    const deadline = startDeadline(10, 'push x');
    await assert.rejects(sleep(60_000, deadline.signal), {
      code: 'unreachable',
      message: 'push x: no answer within 10 ms',
    });
    assert.equal(hasTimedOut(deadline.signal), true);
    deadline.clear();
  });

  it('passes its parent on and does nothing once cleared', async () => {
    const parent = new AbortController();
    const deadline = startDeadline(60_000, 'x', parent.signal);
    parent.abort(new Error('stopped'));
    assert.equal((deadline.signal.reason as Error).message, 'stopped');
    assert.equal(hasTimedOut(deadline.signal), false);
    deadline.clear();
    const cleared = startDeadline(5, 'x');
    cleared.clear();
    cleared.restart();
    cleared.restart(6);
    await sleep(20);
    assert.equal(cleared.signal.aborted, false);
  });
});

describe('a restarted deadline', () => {
  it('counts from its last restart, and stays aborted once it was', async () => {
    const deadline = startDeadline(200, 'x');
    for (let step = 0; step < 6; step++) {
      await sleep(50);
      deadline.restart();
    }
    assert.equal(deadline.signal.aborted, false);
    assert.equal(deadline.isProlonged(), true);
    await assert.rejects(sleep(60_000, deadline.signal), { code: 'unreachable' });
    deadline.restart();
    assert.equal(deadline.signal.aborted, true);
  });

  it('takes another limit', async () => {
    const deadline = startDeadline(60_000, 'x');
    deadline.restart(10);
    await assert.rejects(sleep(60_000, deadline.signal), { message: 'x: no answer within 10 ms' });
    assert.equal(deadline.isProlonged(), false);
  });
});

describe('a deadline that was paused, or not started', () => {
  it('does not fire until it has been restarted', async () => {
    const deadline = createDeadline(ms => new Error(`no answer for ${ms} ms`));
    deadline.pause();
    deadline.restart(30);
    deadline.pause();
    await sleep(60);
    assert.equal(deadline.signal.aborted, false);
    deadline.restart();
    await assert.rejects(sleep(60_000, deadline.signal), /no answer for 30 ms/);
  });

  it('fires with its parent all the same', () => {
    const parent = new AbortController();
    const [paused, unstarted] = [
      startDeadline(60_000, 'x', parent.signal),
      createDeadline(() => new Error('late'), parent.signal),
    ];
    paused.pause();
    parent.abort(new Error('stopped'));
    for (const { signal } of [paused, unstarted]) assert.equal(signal.reason, parent.signal.reason);
  });
});

describe('a share of a deadline', () => {
  it('is its part of the time that is left, and fires alone', async () => {
    const whole = startDeadline(60_000, 'x');
    const share = whole.share(3000, 'y');
    await assert.rejects(sleep(60_000, share.signal), /^WalvaultError: y: no answer within/);
    assert.equal(whole.signal.aborted, false);
    share.clear();
    whole.clear();
  });

  it('is prolonged together with the whole', async () => {
    const whole = startDeadline(2000, 'x');
    const share = whole.share(2, 'y');
    for (let step = 0; step < 6; step++) {
      await sleep(200);
      share.restart();
    }
    assert.deepEqual([share.signal.aborted, whole.signal.aborted], [false, false]);
    share.clear();
    whole.clear();
  });

  it('of one is the whole, and its end is not the end of the whole', async () => {
    const whole = startDeadline(20, 'x');
    const share = whole.share(1, 'y');
    share.clear();
    await assert.rejects(sleep(60_000, share.signal), /x: no answer within 20 ms/);
  });
});
