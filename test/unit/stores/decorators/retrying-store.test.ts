import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { createFaultyStore, type StoreFault } from '../../../../src/stores/decorators/faulty-store.ts';
import { createRetryingStore } from '../../../../src/stores/decorators/retrying-store.ts';
import { createMemoryStore } from '../../../../src/stores/memory/store.ts';
import { SharedPause, retryTransient } from '../../../../src/stores/driver-kit/retry.ts';
import { StoreError } from '../../../../src/stores/store.ts';
import { inPieces, names, put, read, rejectsAs, signal } from '../../../contract/contract-driver.ts';

const quick = { attempts: 4, firstPauseMs: 1, maxPauseMs: 2, throttledMs: 60_000 };

function build(...faults: StoreFault[]) {
  const memory = createMemoryStore();
  const faulty = createFaultyStore(memory, faults);
  return { memory, faulty, store: createRetryingStore(faulty, quick) };
}

describe('retrying store', () => {
  for (const kind of ['unreachable', 'throttled'] as const)
    it(`repeats after ${kind}`, async () => {
      const { store, faulty } = build(
        ...(['put', 'get', 'head', 'list', 'delete'] as const).map(method => ({ method, kind, times: 3 })),
      );
      await put(store, 'a', 'x');
      assert.equal((await read(store, 'a')).toString(), 'x');
      assert.equal((await store.head('a', { signal }))?.sizeBytes, 1);
      assert.deepEqual(await names(store, { prefix: '' }), ['a']);
      assert.deepEqual(await store.delete(['a'], { signal }), []);
      assert.equal(faulty.calls.length, 20);
    });

  for (const kind of [
    'absent',
    'exists',
    'denied',
    'no-container',
    'cold',
    'damaged',
    'invalid',
    'local-io',
  ] as const)
    it(`does not repeat after ${kind}`, async () => {
      const { store, faulty } = build({ method: 'get', kind, times: 9 });
      await rejectsAs(kind, store.get('a', { signal }));
      assert.equal(faulty.calls.length, 1);
    });

  it('gives up after the last attempt, with the last error', async () => {
    const { store, faulty } = build({ method: 'put', kind: 'unreachable', times: 9 });
    await rejectsAs('unreachable', put(store, 'a', 'x'));
    assert.equal(faulty.calls.length, 4);
  });

  it('is patient with a service that asks to slow down, far past the attempts it has for an outage', async () => {
    const { store, faulty } = build({ method: 'put', kind: 'throttled', times: 30 });
    await put(store, 'a', 'x');
    assert.equal(faulty.calls.length, 31);
  });

  it('does not repeat a put from a stream, which is gone', async () => {
    const { store, faulty } = build({ method: 'put', kind: 'unreachable' });
    await rejectsAs('unreachable', put(store, 'a', inPieces(Buffer.from('x'))));
    assert.equal(faulty.calls.length, 1);
  });

  it('a put whose answer was lost meets itself', async () => {
    const { store, memory } = build({ method: 'put', kind: 'unreachable', when: 'after' });
    await rejectsAs('exists', put(store, 'a', 'x', { metadata: { 'write-id': 'mine' } }));
    assert.equal((await memory.head('a', { signal }))?.metadata['write-id'], 'mine');
  });

  it('goes on with a listing where it broke, however often', async () => {
    const { store, memory } = build({ method: 'list', kind: 'unreachable', when: 'after', times: 20 });
    const keys = Array.from({ length: 20 }, (_, index) => `d/${String(index).padStart(2, '0')}`);
    for (const key of keys) await put(memory, key, 'x');
    assert.deepEqual(await names(store, { prefix: 'd/' }), keys);
  });

  it('a listing that fails for good never looks like a short one', async () => {
    const { store, memory } = build({ method: 'list', kind: 'denied', when: 'after' });
    await put(memory, 'a', 'x');
    await put(memory, 'b', 'x');
    await rejectsAs('denied', names(store, { prefix: '' }));
  });

  it('has makeDurable only where the inner store has it', () => {
    assert(!('makeDurable' in build().store));
    const durable = Object.assign(createMemoryStore(), { makeDurable: async () => undefined });
    assert('makeDurable' in createRetryingStore(durable));
  });
});

describe('retryTransient', () => {
  it('waits as long as the service asked', async () => {
    const startedAt = performance.now();
    let calls = 0;
    await retryTransient(
      async () => {
        if (++calls === 1) throw new StoreError('throttled', 'slow down', { retryAfterMs: 120 });
      },
      signal,
      quick,
    );
    assert(performance.now() - startedAt >= 115);
  });

  it('gives up on a service that has asked to slow down for too long', async () => {
    let calls = 0;
    const work = retryTransient(
      async () => {
        calls++;
        throw new StoreError('throttled', 'slow down');
      },
      signal,
      { ...quick, throttledMs: 0 },
    );
    await rejectsAs('throttled', work);
    assert.equal(calls, 1);
  });

  it('makes the others wait when one is asked to slow down', async () => {
    const pause = new SharedPause();
    const order: string[] = [];
    let calls = 0;
    const startedAt = performance.now();
    const first = retryTransient(
      async () => {
        if (++calls === 1) throw new StoreError('throttled', 'slow down', { retryAfterMs: 50 });
        order.push('first');
      },
      signal,
      quick,
      pause,
    );
    await new Promise(setImmediate);
    await retryTransient(async () => order.push('second'), signal, quick, pause);
    assert(performance.now() - startedAt >= 45);
    await first;
    assert.deepEqual(order.toSorted(), ['first', 'second']);
  });

  it('tells the real error when the time is up during a pause', async () => {
    const controller = new AbortController();
    const work = retryTransient(
      async () => {
        setTimeout(() => controller.abort(new Error('time is up')), 5);
        throw new StoreError('throttled', 'slow down', { retryAfterMs: 60_000 });
      },
      controller.signal,
      quick,
    );
    await rejectsAs('throttled', work);
  });
});
