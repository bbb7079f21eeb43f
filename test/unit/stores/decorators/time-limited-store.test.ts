import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { createTimeLimitedStore } from '../../../../src/stores/decorators/time-limited-store.ts';
import { createMemoryStore } from '../../../../src/stores/memory/store.ts';
import type { Store } from '../../../../src/stores/store.ts';
import { names, put, putOptions, read, rejectsAs, signal } from '../../../contract/contract-driver.ts';
import { overrideStore } from '../../../support/site/archive.ts';

const limits = { timeoutMs: 30, graceMs: 10, watchesPut: true, holdsThreads: false };

/** As a file system whose server is gone: it answers nothing, a signal least of all. */
const never = <T>() => new Promise<T>(() => undefined);

async function* stalled(first: Uint8Array): AsyncGenerator<Uint8Array> {
  yield first;
  await never();
}

async function* slowly<T>(items: Iterable<T>, pauseMs: number): AsyncGenerator<T> {
  for (const item of items) {
    await new Promise(resolve => setTimeout(resolve, pauseMs));
    yield item;
  }
}

function limited(overrides: Partial<Store> = {}): Store {
  return createTimeLimitedStore(overrideStore(createMemoryStore(), overrides), limits);
}

describe('time limited store', () => {
  const hanging = limited({
    put: never,
    get: never,
    head: never,
    delete: never,
    makeDurable: never,
    list: () => ({ [Symbol.asyncIterator]: () => ({ next: never }) }),
  });
  const calls: [string, () => Promise<unknown>][] = [
    ['put', () => put(hanging, 'a', 'x')],
    ['put of a stream', () => put(hanging, 'a', slowly([Buffer.from('x')], 1))],
    ['get', () => read(hanging, 'a')],
    ['head', () => hanging.head('a', { signal })],
    ['list', () => names(hanging, { prefix: '' })],
    ['delete', () => hanging.delete(['a'], { signal })],
    ['makeDurable', async () => await hanging.makeDurable?.('a', { signal })],
  ];
  for (const [name, call] of calls)
    it(`${name} that hangs and ignores its signal ends as unreachable`, async () => {
      await rejectsAs('unreachable', call());
    });

  it('a body that stalls ends as unreachable, and says that no byte came', async () => {
    const store = limited({
      get: async key => ({
        stat: { key, sizeBytes: 9, modified: new Date(), metadata: {} },
        body: stalled(Buffer.from('x')),
      }),
    });
    await assert.rejects(read(store, 'a'), /get a: no byte for 30 ms/);
  });

  it('tells the driver to stop, and takes its word for what went wrong', async () => {
    const store = limited({
      head: (key, options) =>
        new Promise((_, reject) => {
          options.signal.addEventListener('abort', () => reject(new Error(`tidied up ${key}`)));
        }),
    });
    await assert.rejects(store.head('a', { signal }), /tidied up a/);
  });

  it("leaves an operation that ignores the caller's abort, with the caller's reason", async () => {
    const controller = new AbortController();
    const work = hanging.head('a', { signal: controller.signal });
    controller.abort(new Error('push has run out of time'));
    await assert.rejects(work, /push has run out of time/);
    await assert.rejects(hanging.head('a', { signal: controller.signal }), /run out of time/);
  });

  it('a slow source is not a dead store', async () => {
    const store = limited();
    const chunks = ['a', 'b', 'c'].map(text => Buffer.from(text));
    await put(store, 'k', slowly(chunks, 60));
    assert.equal((await read(store, 'k')).toString(), 'abc');
  });

  it('a slow reader is not a dead store', async () => {
    const store = limited();
    for (const key of ['a', 'b', 'c']) await put(store, key, 'x');
    const seen: string[] = [];
    for await (const entry of store.list({ prefix: '', signal })) {
      if ('key' in entry) seen.push(entry.key);
      await new Promise(resolve => setTimeout(resolve, 60));
    }
    assert.deepEqual(seen, ['a', 'b', 'c']);
    const { body } = await store.get('a', { signal });
    await new Promise(resolve => setTimeout(resolve, 60));
    for await (const chunk of body) assert.equal(chunk.length, 1);
  });

  it('gives a driver that watches its uploads all the time it takes', async () => {
    const inner = overrideStore(createMemoryStore(), {
      put: () => new Promise(resolve => setTimeout(resolve, 80)),
    });
    await createTimeLimitedStore(inner, { ...limits, watchesPut: false }).put('a', [], putOptions());
    await rejectsAs(
      'unreachable',
      createTimeLimitedStore(overrideStore(inner, { put: never }), limits).put('a', [], putOptions()),
    );
  });

  describe('over a driver that occupies a thread for each call', () => {
    function hangingOnce(holdsThreads = true) {
      const hung = Promise.withResolvers<undefined>();
      const inner = createMemoryStore();
      let calls = 0;
      const overrides: Partial<Store> = {
        head: (key, options) => (++calls === 1 ? hung.promise : inner.head(key, options)),
      };
      const store = createTimeLimitedStore(overrideStore(inner, overrides), { ...limits, holdsThreads });
      return { store, hung, calls: () => calls };
    }

    it('begins nothing while a call that was given up hangs, and goes on when it has ended', async () => {
      const { store, hung, calls } = hangingOnce();
      const { body } = (await put(store, 'k', 'x'), await store.get('k', { signal }));
      await assert.rejects(store.head('a', { signal }), /head a: no answer for 30 ms/);
      const refused = /^StoreError: head b: an earlier call still hangs \(head a\)$/;
      await assert.rejects(store.head('b', { signal }), refused);
      await rejectsAs('unreachable', names(store, { prefix: '' }));
      await rejectsAs('unreachable', read(store, 'k'));
      assert.equal(calls(), 1);
      for await (const chunk of body) assert.equal(Buffer.from(chunk).toString(), 'x', 'begun before');
      hung.resolve(undefined);
      await hung.promise;
      await new Promise(resolve => setImmediate(resolve));
      assert.equal(await store.head('b', { signal }), undefined);
    });

    it('goes on at once after a call that ends when it is told to', async () => {
      const inner = createMemoryStore();
      const overrides: Partial<Store> = {
        head: (_, options) =>
          new Promise((__, reject) => {
            options.signal.addEventListener('abort', () => reject(options.signal.reason as Error));
          }),
      };
      const store = createTimeLimitedStore(overrideStore(inner, overrides), {
        ...limits,
        holdsThreads: true,
      });
      await rejectsAs('unreachable', store.head('a', { signal }));
      await put(store, 'k', 'x');
      assert.equal((await read(store, 'k')).toString(), 'x');
    });

    it('a service over the network is asked again in any case', async () => {
      const { store, calls } = hangingOnce(false);
      await rejectsAs('unreachable', store.head('a', { signal }));
      assert.equal(await store.head('b', { signal }), undefined);
      assert.equal(calls(), 2);
    });
  });
});
