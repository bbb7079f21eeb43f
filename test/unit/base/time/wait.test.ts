import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { endsWithin, orAborted } from '../../../../src/base/time/wait.ts';

const hanging = new Promise<never>(() => undefined);

describe('orAborted', () => {
  it('gives what the work gives while the signal is silent', async () => {
    const { signal } = new AbortController();
    assert.equal(await orAborted(Promise.resolve(1), signal), 1);
    await assert.rejects(orAborted(Promise.reject(new Error('failed')), signal), /failed/);
  });

  it('leaves work that hangs when the signal fires, or has fired', async () => {
    const controller = new AbortController();
    const left = orAborted(hanging, controller.signal);
    controller.abort(new Error('time is up'));
    await assert.rejects(left, /time is up/);
    await assert.rejects(orAborted(hanging, controller.signal), /time is up/);
  });
});

describe('endsWithin', () => {
  it('tells whether the work has ended, however that ended, in its time', async () => {
    assert.equal(await endsWithin(60_000, Promise.resolve()), true);
    assert.equal(await endsWithin(60_000, Promise.reject(new Error('down'))), true);
    assert.equal(await endsWithin(10, hanging), false);
  });
});
