import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import { startDeadline } from '../../../../src/base/time/deadline.ts';
import { retryUntilDeadline } from '../../../../src/base/time/retry.ts';
import { sleep } from '../../../../src/base/time/wait.ts';

const quickly = { firstPauseMs: 1 };

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
      const retried = retryUntilDeadline(work, startDeadline(60_000, 'x', controller.signal), quickly);
      await assert.rejects(retried, error => error === told);
    }
  });

  it('repeats what may pass and returns the first success', async () => {
    let calls = 0;
    const work = () => (++calls < 3 ? Promise.reject(transient) : Promise.resolve('done'));
    const deadline = startDeadline(60_000, 'x');
    assert.equal(await retryUntilDeadline(work, deadline, quickly), 'done');
    deadline.clear();
    assert.equal(calls, 3);
  });

  it('throws at once what will not pass', async () => {
    let calls = 0;
    const work = () => {
      calls++;
      return Promise.reject(new WalvaultError('denied', 'no'));
    };
    const deadline = startDeadline(60_000, 'x');
    await assert.rejects(retryUntilDeadline(work, deadline), { code: 'denied' });
    deadline.clear();
    assert.equal(calls, 1);
  });

  it('ends with the real error, not with the limit', async () => {
    const deadline = startDeadline(30, 'x');
    await assert.rejects(
      retryUntilDeadline(() => Promise.reject(transient), deadline, quickly),
      { message: 'down' },
    );
    deadline.clear();
  });

  it('begins no retry beyond the first time, however long progress has prolonged it', async () => {
    const deadline = startDeadline(40, 'x');
    let calls = 0;
    const work = async () => {
      if (++calls > 1) throw new Error('a retry');
      for (let step = 0; step < 6; step++) {
        await sleep(10);
        deadline.restart(60_000);
      }
      throw transient;
    };
    await assert.rejects(retryUntilDeadline(work, deadline, quickly), { message: 'down' });
    assert.deepEqual([calls, deadline.signal.aborted], [1, false]);
    deadline.clear();
  });
});
