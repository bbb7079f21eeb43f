import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { unlessSilent } from '../../../src/agent/unless-silent.ts';

const never = new Promise<string>(() => undefined);
const noSign = () => undefined;

describe('unlessSilent', () => {
  it('gives what the work gives', async () => {
    assert.equal(await unlessSilent(delay(1, 'done'), { limitMs: 10_000, lastSignAt: noSign }), 'done');
    const failing = unlessSilent(Promise.reject(new Error('failed')), { limitMs: 9, lastSignAt: noSign });
    await assert.rejects(failing, /failed/);
  });

  it('waits for no longer than the limit, from the beginning and not from an earlier sign', async () => {
    const startedAt = performance.now();
    assert.equal(await unlessSilent(never, { limitMs: 60, lastSignAt: () => startedAt - 50 }), undefined);
    assert.ok(performance.now() - startedAt >= 59);
  });

  it('waits on while there are signs of life', async () => {
    let signs = 0;
    const lastSignAt = () => (signs++ < 5 ? performance.now() : undefined);
    const startedAt = performance.now();
    assert.equal(await unlessSilent(never, { limitMs: 20, lastSignAt }), undefined);
    assert.ok(performance.now() - startedAt >= 80, `${signs} signs`);
  });
});
