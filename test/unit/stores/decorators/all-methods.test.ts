/** Decorators and optional methods: what a store can do, it can still do below any of them. */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { collect } from '../../../../src/base/bytes/streams.ts';
import { createCountingStore, newStoreCounters } from '../../../../src/stores/decorators/counting-store.ts';
import { decorateStore } from '../../../../src/stores/decorators/decorate-store.ts';
import { createFaultyStore } from '../../../../src/stores/decorators/faulty-store.ts';
import { createRateLimitedStore } from '../../../../src/stores/decorators/rate-limited-store.ts';
import { RateLimiter } from '../../../../src/stores/decorators/rate-limiter.ts';
import { createRetryingStore } from '../../../../src/stores/decorators/retrying-store.ts';
import { createSlotLimitedStore } from '../../../../src/stores/decorators/slot-limited-store.ts';
import { createTimeLimitedStore } from '../../../../src/stores/decorators/time-limited-store.ts';
import { createMemoryStore } from '../../../../src/stores/memory/store.ts';
import { withMethods, type StoreMethod } from '../../../../src/stores/methods.ts';
import { pagesOf } from '../../../../src/stores/pages.ts';
import { StoreError, type Store } from '../../../../src/stores/store.ts';
import { putOptions, signal } from '../../../contract/contract-driver.ts';

const timeLimits = { timeoutMs: 60_000, watchesPut: true, holdsThreads: true };
const fast = () => new RateLimiter(1024 ** 3);

const decorators: Readonly<Record<string, (inner: Store) => Store>> = {
  counting: inner => createCountingStore(inner, newStoreCounters()),
  faulty: inner => createFaultyStore(inner, []),
  'rate-limited': inner => createRateLimitedStore(inner, { upload: fast(), download: fast() }),
  retrying: inner => createRetryingStore(inner),
  'slot-limited': inner => createSlotLimitedStore(inner, 1),
  'time-limited': inner => createTimeLimitedStore(inner, timeLimits),
  'with methods': inner => withMethods(inner, {}),
  all: inner =>
    decorateStore(
      inner,
      { timeoutMs: 60_000, watchesItsUploads: false, holdsThreads: true },
      { maxRequests: 1, counters: newStoreCounters(), upload: fast(), download: fast() },
    ),
};

const refused = { key: 'refused', error: new StoreError('denied', 'delete refused: denied') };
const unfinished = { key: 'a', id: 'upload-1', lastWritten: new Date(0) };

/** A memory store with every optional method (its type says so) that records each call it gets. */
function createFullStore() {
  const reached: [StoreMethod, unknown][] = [];
  const memory = createMemoryStore({ now: () => new Date(0) });
  const told = <T>(method: StoreMethod, argument: unknown, result: T): T => {
    reached.push([method, argument]);
    return result;
  };
  const store: Required<Store> = {
    url: memory.url,
    capabilities: memory.capabilities,
    put: (key, body, options) => told('put', key, memory.put(key, body, options)),
    get: (key, options) => told('get', key, memory.get(key, options)),
    head: (key, options) => told('head', key, memory.head(key, options)),
    list: options => told('list', options.prefix, memory.list(options)),
    listPages: options => told('listPages', options.prefix, pagesOf(memory, options)),
    delete: async (keys, options) => [...(await told('delete', keys, memory.delete(keys, options))), refused],
    makeDurable: async key => told('makeDurable', key, undefined),
    refusesWrongChecksum: async key => told('refusesWrongChecksum', key, true),
    findClosed: async key => told('findClosed', key, undefined),
    joinsOnlyIfAbsent: async key => told('joinsOnlyIfAbsent', key, true),
    async *listUnfinished({ prefix }) {
      yield told('listUnfinished', prefix, unfinished);
    },
    removeUnfinished: async writes => told('removeUnfinished', writes, [refused]),
    thaw: async (key, { days, speed }) => told('thaw', [key, days, speed], 'requested' as const),
    close: () => memory.close(),
  };
  return { store, reached };
}

/** Calls each method once, and returns each result by the method's name. */
async function callAll(store: Store): Promise<Record<StoreMethod, unknown>> {
  const options = { signal };
  return {
    put: await store.put('a', [Buffer.from('body')], putOptions()),
    get: (await collect((await store.get('a', options)).body, 100)).toString(),
    head: await store.head('a', options),
    list: await Array.fromAsync(store.list({ ...options, prefix: '' })),
    listPages: await Array.fromAsync(store.listPages?.({ ...options, prefix: '' }) ?? []),
    makeDurable: await store.makeDurable?.('a', options),
    refusesWrongChecksum: await store.refusesWrongChecksum?.('probe', options),
    findClosed: await store.findClosed?.('probe', options),
    joinsOnlyIfAbsent: await store.joinsOnlyIfAbsent?.('probe', options),
    listUnfinished: await Array.fromAsync(store.listUnfinished?.({ ...options, prefix: 'x' }) ?? []),
    removeUnfinished: await store.removeUnfinished?.([unfinished], options),
    thaw: await store.thaw?.('a', { ...options, days: 3, speed: 'bulk' }),
    delete: await store.delete(['a'], options),
  };
}

describe('every method through every decorator', () => {
  for (const [name, decorate] of Object.entries(decorators)) {
    it(`${name}: reaches the inner store, and its result comes back`, async () => {
      const plain = createFullStore();
      const expected = await callAll(plain.store);
      const { store, reached } = createFullStore();
      assert.deepEqual(await callAll(decorate(store)), expected);
      assert.deepEqual(reached, plain.reached);
      assert.equal(reached.length, Object.keys(expected).length);
    });

    it(`${name}: has no method that the inner store lacks`, () => {
      const { listPages: _, ...inner } = createMemoryStore();
      const optional = Object.keys(createFullStore().store).filter(method => !(method in inner));
      assert(optional.length > 0);
      const store = decorate(inner);
      assert.deepEqual(
        optional.filter(method => method in store),
        [],
      );
    });
  }
});
