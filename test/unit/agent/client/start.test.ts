import assert from 'node:assert/strict';
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, onTestFinished, vi } from 'vitest';
import { attemptPath, claimAttempt, isYoung } from '../../../../src/agent/client/start.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const hourMs = 3_600_000;

/** An attempt of a process that lives, made so long ago. */
function attempted(agoMs: number, pid = String(process.pid)) {
  const address = { directory: temporaryDirectory('starting', { keepOwner: true }), key: 'k' };
  writeFileSync(attemptPath(address), pid);
  const seconds = (Date.now() - agoMs) / 1000;
  utimesSync(attemptPath(address), seconds, seconds);
  return address;
}

describe('an attempt to start an agent', () => {
  it('is made by one of several pushes, and again after half a minute', () => {
    const address = { directory: temporaryDirectory('starting', { keepOwner: true }), key: 'k' };
    assert.deepEqual([claimAttempt(address), claimAttempt(address)], [true, false]);
    assert.equal(claimAttempt(attempted(10_000)), false);
    assert.equal(claimAttempt(attempted(60_000)), true);
  });

  it('of a time yet to come is over: the clock was set back', () => {
    for (const pid of [String(process.pid), '']) {
      const address = attempted(-hourMs, pid);
      assert.equal(claimAttempt(address), true);
      assert.equal(claimAttempt(address), false, 'the new one is of now');
    }
  });
});

it('a socket is young for a moment, and not because the clock was set back', () => {
  const path = join(temporaryDirectory('starting', { keepOwner: true }), 'k.sock');
  assert.equal(isYoung(path), false);
  writeFileSync(path, '');
  assert.equal(isYoung(path), true);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 });
  onTestFinished(() => void vi.useRealTimers());
  assert.equal(isYoung(path), false);
  vi.setSystemTime(Date.now() - hourMs);
  assert.equal(isYoung(path), false);
});
