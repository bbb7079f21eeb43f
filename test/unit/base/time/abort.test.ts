import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  orAborted,
  retryUntilDeadline,
  sleep,
  startDeadline,
  waitAtMost,
} from '../../../../src/base/time/abort.ts';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';

describe('startDeadline', () => {
  it('aborts with an error that names the limit', async () => {
    const deadline = startDeadline(10, 'push x');
    await assert.rejects(sleep(60_000, deadline.signal), {
      code: 'unreachable',
      message: 'push x: no answer within 10 ms',
    });
    deadline.clear();
  });

  it('passes its parent on and does nothing once cleared', async () => {
    const parent = new AbortController();
    const deadline = startDeadline(60_000, 'x', parent.signal);
    parent.abort(new Error('stopped'));
    assert.equal((deadline.signal.reason as Error).message, 'stopped');
    deadline.clear();
    const cleared = startDeadline(5, 'x');
    cleared.clear();
    await sleep(20);
    assert.equal(cleared.signal.aborted, false);
  });
});

describe('orAborted', () => {
  it('gives what the work gives while the signal is silent', async () => {
    const { signal } = new AbortController();
    assert.equal(await orAborted(Promise.resolve(1), signal), 1);
    await assert.rejects(orAborted(Promise.reject(new Error('failed')), signal), /failed/);
  });

  it('leaves work that hangs when the signal fires, or has fired', async () => {
    const controller = new AbortController();
    const left = orAborted(new Promise(() => undefined), controller.signal);
    controller.abort(new Error('time is up'));
    await assert.rejects(left, /time is up/);
    await assert.rejects(orAborted(new Promise(() => undefined), controller.signal), /time is up/);
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
    assert.ok(deadline.remainingMs() > 100);
    await assert.rejects(sleep(60_000, deadline.signal), { code: 'unreachable' });
    deadline.restart();
    assert.equal(deadline.signal.aborted, true);
  });
});

it('a wait ends with the work, however that ends, or with its time', async () => {
  assert.equal(await waitAtMost(60_000, Promise.resolve()), 'ended');
  assert.equal(await waitAtMost(60_000, Promise.reject(new Error('down'))), 'ended');
  // A pending promise keeps no process alive, and the wait does not either.
  const [waited] = await Promise.all([waitAtMost(10, new Promise(() => undefined)), sleep(50)]);
  assert.equal(waited, 'time is up');
});

describe('retryUntilDeadline', () => {
  const transient = new WalvaultError('unreachable', 'down', { retry: true });

  it('tells what went wrong before the limit cut the last attempt short, but not instead of an interruption', async () => {
    const limit = new WalvaultError('unreachable', 'no answer', { retry: true });
    const interruption = new WalvaultError('interrupted', 'interrupted by SIGTERM');
    for (const [reason, told] of [
      [limit, transient],
      [interruption, interruption],
    ] as const) {
      const controller = new AbortController();
      let calls = 0;
      const work = () => {
        if (++calls === 1) return Promise.reject(transient);
        controller.abort(reason);
        return Promise.reject(reason);
      };
      const retried = retryUntilDeadline(work, { signal: controller.signal, firstPauseMs: 1 });
      await assert.rejects(retried, error => error === told);
    }
  });

  it('repeats what may pass and returns the first success', async () => {
    let calls = 0;
    const work = () => (++calls < 3 ? Promise.reject(transient) : Promise.resolve('done'));
    assert.equal(
      await retryUntilDeadline(work, { signal: new AbortController().signal, firstPauseMs: 1 }),
      'done',
    );
    assert.equal(calls, 3);
  });

  it('throws at once what will not pass', async () => {
    let calls = 0;
    const work = () => {
      calls++;
      return Promise.reject(new WalvaultError('denied', 'no'));
    };
    await assert.rejects(retryUntilDeadline(work, { signal: new AbortController().signal }), {
      code: 'denied',
    });
    assert.equal(calls, 1);
  });

  it('ends with the real error, not with the limit', async () => {
    const deadline = startDeadline(30, 'x');
    await assert.rejects(
      retryUntilDeadline(() => Promise.reject(transient), { signal: deadline.signal, firstPauseMs: 1 }),
      { message: 'down' },
    );
    deadline.clear();
  });
});
