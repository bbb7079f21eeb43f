import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { collect, streamOf } from '../../../../src/base/bytes/streams.ts';
import { createCountingStore, newStoreCounters } from '../../../../src/stores/decorators/counting-store.ts';
import { createRateLimitedStore } from '../../../../src/stores/decorators/rate-limited-store.ts';
import { RateLimiter, type RateClock } from '../../../../src/stores/decorators/rate-limiter.ts';
import { createSlotLimitedStore } from '../../../../src/stores/decorators/slot-limited-store.ts';
import { createMemoryStore } from '../../../../src/stores/memory/store.ts';
import { put, read, rejectsAs, signal } from '../../../contract/contract-driver.ts';
import { overrideStore } from '../../../support/site/archive.ts';

const piece = RateLimiter.pieceBytes;

/** Time passes only by sleeping. */
function simulatedClock(): RateClock & { nowMs: number } {
  const clock = {
    nowMs: 0,
    now: () => clock.nowMs,
    async sleep(ms: number, stop: AbortSignal) {
      await new Promise(setImmediate);
      stop.throwIfAborted();
      clock.nowMs += ms;
    },
  };
  return clock;
}

describe('slot limited store', () => {
  it('has no more operations in flight than it may, and serves them in order', async () => {
    let inFlight = 0;
    let most = 0;
    const order: string[] = [];
    const inner = overrideStore(createMemoryStore(), {
      async head(key) {
        most = Math.max(most, ++inFlight);
        order.push(key);
        await new Promise(setImmediate);
        inFlight--;
        return undefined;
      },
    });
    const store = createSlotLimitedStore(inner, 3);
    const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
    await Promise.all(keys.map(key => store.head(key, { signal })));
    assert.equal(most, 3);
    assert.deepEqual(order, keys);
  });

  it('a body that is being read, a listing and a stream being sent do not lock one another', async () => {
    const store = createSlotLimitedStore(createMemoryStore(), 1);
    await put(store, 'a', 'one');
    const opened = await store.get('a', { signal });
    const listing = store.list({ prefix: '', signal })[Symbol.asyncIterator]();
    await listing.next();
    await put(store, 'b', opened.body);
    assert.equal((await read(store, 'b')).toString(), 'one');
    assert.equal((await listing.next()).done, true);
  });

  it('gives the place back after a failure, and none to one who left the queue', async () => {
    const store = createSlotLimitedStore(createMemoryStore(), 1);
    await rejectsAs('absent', read(store, 'no'));
    const controller = new AbortController();
    const held = Promise.withResolvers<undefined>();
    const busy = createSlotLimitedStore(overrideStore(createMemoryStore(), { head: () => held.promise }), 1);
    const first = busy.head('a', { signal });
    const second = busy.head('b', { signal: controller.signal });
    const third = busy.head('c', { signal });
    controller.abort(new Error('enough'));
    await assert.rejects(second, /enough/);
    held.resolve(undefined);
    await Promise.all([first, third]);
  });
});

describe('rate limiter', () => {
  it('holds the rate, and saves up nothing while nobody asks', async () => {
    const clock = simulatedClock();
    const limiter = new RateLimiter(1000, clock);
    clock.nowMs = 60_000;
    for (let i = 0; i < 10; i++) await limiter.take(100, signal);
    // After the first, which passes at once, each waits for the one before it.
    assert.equal(clock.nowMs, 60_800);
  });

  it('serves two streams side by side, in turns', async () => {
    const clock = simulatedClock();
    const limiter = new RateLimiter(1000, clock);
    const order: string[] = [];
    const stream = async (name: string) => {
      for (let i = 0; i < 4; i++) {
        await limiter.take(100, signal);
        order.push(name);
      }
    };
    await Promise.all([stream('a'), stream('b')]);
    assert.equal(order.join(''), 'abababab');
  });

  it('what is aborted while it waits costs nothing and holds nobody up', async () => {
    const clock = simulatedClock();
    const limiter = new RateLimiter(1000, clock);
    const controller = new AbortController();
    await limiter.take(1000, signal);
    const large = limiter.take(1_000_000, controller.signal);
    const next = limiter.take(100, signal);
    controller.abort(new Error('enough'));
    await assert.rejects(large, /enough/);
    await next;
    assert(clock.nowMs <= 1100, String(clock.nowMs));
  });

  it('who leaves the queue lets nobody pass those before', async () => {
    const clock = simulatedClock();
    const limiter = new RateLimiter(1000, clock);
    const controller = new AbortController();
    await limiter.take(1000, signal);
    const order: string[] = [];
    const first = limiter.take(100, signal).then(() => order.push('first'));
    const leaving = limiter.take(100, controller.signal);
    const last = limiter.take(100, signal).then(() => order.push('last'));
    controller.abort(new Error('enough'));
    await assert.rejects(leaving, /enough/);
    await Promise.all([first, last]);
    assert.deepEqual(order, ['first', 'last']);
    assert.equal(clock.nowMs, 1100);
  });

  it('holds the rate by the real clock', async () => {
    const limiter = new RateLimiter(piece * 100, undefined);
    const startedAt = performance.now();
    for (let i = 0; i < 11; i++) await limiter.take(piece, signal);
    assert(performance.now() - startedAt >= 80);
  });
});

describe('rate limited store', () => {
  const body = Buffer.alloc(piece * 4 + 5, 7);

  it('pays for what it sends and receives, from memory and as a stream, up and down apart', async () => {
    const [up, down] = [simulatedClock(), simulatedClock()];
    const store = createRateLimitedStore(createMemoryStore(), {
      upload: new RateLimiter(piece, up),
      download: new RateLimiter(piece * 2, down),
    });
    await put(store, 'a', [body]);
    assert.equal(up.nowMs, 4000);
    await put(store, 'b', streamOf(body));
    assert(up.nowMs > 8000 && up.nowMs < 9000, String(up.nowMs));
    assert.equal(down.nowMs, 0);
    assert((await read(store, 'b')).equals(body));
    assert.equal(down.nowMs, 2000);
  });

  it('gives a stream in pieces, so that no chunk is a burst', async () => {
    const limiter = new RateLimiter(1e12, simulatedClock());
    const store = createRateLimitedStore(createMemoryStore(), { download: limiter });
    await put(store, 'a', [body]);
    for await (const chunk of (await store.get('a', { signal })).body) assert(chunk.length <= piece);
  });

  it('stops at an abort in the middle of a body, and leaves nothing', async () => {
    const inner = createMemoryStore();
    const controller = new AbortController();
    const limiter = new RateLimiter(piece / 1000, undefined);
    const store = createRateLimitedStore(inner, { upload: limiter });
    const work = put(store, 'a', [body], { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 5);
    await assert.rejects(work, /enough/);
    assert.equal(await inner.head('a', { signal }), undefined);
  });
});

describe('counting store', () => {
  it('counts requests, failures and bytes both ways', async () => {
    const counters = newStoreCounters();
    const store = createCountingStore(createMemoryStore(), counters);
    await put(store, 'a', 'four');
    await put(store, 'b', streamOf(Buffer.from('123'), Buffer.from('456')));
    await rejectsAs('exists', put(store, 'a', 'four'));
    await collect((await store.get('b', { signal })).body, 10);
    await rejectsAs('absent', read(store, 'no'));
    assert.deepEqual(counters, { requests: 5, failed: 2, sentBytes: 14, receivedBytes: 6 });
  });
});
