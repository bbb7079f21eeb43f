import assert from 'node:assert/strict';
import { inPieces, names, put, randomBody, read, rejectsAs, signal } from './contract-driver.ts';
import type { Case } from './store-contract.ts';

export const readingCases: readonly Case[] = [
  {
    name: 'tells key, size and time with the body',
    async run({ store }, prefix) {
      const earliest = Date.now() - 60_000;
      await put(store, `${prefix}/a`, 'content', { metadata: { a: 'b' } });
      const { stat, body } = await store.get(`${prefix}/a`, { signal });
      for await (const _ of body);
      assert.equal(stat.key, `${prefix}/a`);
      assert.equal(stat.sizeBytes, 7);
      assert(stat.modified.getTime() > earliest && stat.modified.getTime() < Date.now() + 60_000);
      const head = await store.head(`${prefix}/a`, { signal });
      // Azure names the tier in answers to HEAD alone.
      assert.deepEqual(head, { ...stat, ...(head?.tier !== undefined && { tier: head.tier }) });
    },
  },
  {
    name: 'reads ranges',
    async run({ store, boundaryBytes }, prefix) {
      const data = randomBody(boundaryBytes + 5000);
      await put(store, `${prefix}/a`, inPieces(data), { metadata: { a: 'b' } });
      const size = data.length;
      for (const [start, end] of [
        [0, 1],
        [0, 10],
        [100, 101],
        [1000, size],
        [size - 1, size],
        [0, size],
        [boundaryBytes - 1, boundaryBytes + 1],
      ] as const)
        // prettier-ignore
        assert(data.subarray(start, end).equals(await read(store, `${prefix}/a`, { start, end })), `${start}..${end}`);
      assert(data.subarray(4000).equals(await read(store, `${prefix}/a`, { start: 4000 })));
    },
  },
  {
    name: 'cuts a range at the size, and tells the whole size',
    async run({ store }, prefix) {
      await put(store, `${prefix}/a`, '0123456789');
      assert.equal((await read(store, `${prefix}/a`, { start: 7, end: 1000 })).toString(), '789');
      const { stat, body } = await store.get(`${prefix}/a`, { signal, range: { start: 2, end: 4 } });
      for await (const _ of body);
      assert.equal(stat.sizeBytes, 10);
    },
  },
  {
    name: 'refuses a range without a byte',
    async run({ store }, prefix) {
      await put(store, `${prefix}/a`, '0123456789');
      for (const range of [
        { start: 10 },
        { start: 11, end: 20 },
        { start: 3, end: 3 },
        { start: 4, end: 2 },
        { start: -1 },
        { start: 0.5 },
      ])
        // prettier-ignore
        await rejectsAs('invalid', store.get(`${prefix}/a`, { signal, range }));
    },
  },
  {
    name: 'what is not there is absent',
    async run({ store }, prefix) {
      await put(store, `${prefix}/directory/a`, 'x');
      for (const key of [
        `${prefix}/none`,
        `${prefix}/none/none`,
        `${prefix}/directory`,
        `${prefix}/directory/a/b`,
      ]) {
        await rejectsAs('absent', store.get(key, { signal }));
        assert.equal(await store.head(key, { signal }), undefined);
      }
    },
  },
  {
    name: 'stopping early lets the store go on',
    async run({ store, boundaryBytes }, prefix) {
      const data = randomBody(2 * boundaryBytes);
      await put(store, `${prefix}/a`, [data]);
      for (let round = 0; round < 50; round++) {
        const { body } = await store.get(`${prefix}/a`, { signal });
        for await (const chunk of body) {
          assert(data.subarray(0, chunk.length).equals(chunk));
          break;
        }
      }
      assert(data.equals(await read(store, `${prefix}/a`)));
    },
  },
  {
    name: 'many read at once',
    async run({ store }, prefix) {
      const bodies = Array.from({ length: 40 }, () => randomBody(100_000));
      await Promise.all(bodies.map((body, index) => put(store, `${prefix}/${index}`, [body])));
      const read40 = await Promise.all(bodies.map((_, index) => read(store, `${prefix}/${index}`)));
      assert(read40.every((body, index) => bodies[index]?.equals(body)));
    },
  },
  {
    name: 'an abort ends a body that is being read, with its reason',
    async run({ store, boundaryBytes }, prefix) {
      await put(store, `${prefix}/a`, [randomBody(2 * boundaryBytes)]);
      const controller = new AbortController();
      const reason = new Error('enough');
      const { body } = await store.get(`${prefix}/a`, { signal: controller.signal });
      await assert.rejects(async () => {
        for await (const _ of body) controller.abort(reason);
      }, reason);
    },
  },
  {
    name: 'deletes, and what is not there counts as deleted',
    async run({ store }, prefix) {
      await put(store, `${prefix}/a`, 'x', { metadata: { a: 'b' } });
      await put(store, `${prefix}/b/c`, 'x');
      assert.deepEqual(
        await store.delete([`${prefix}/a`, `${prefix}/none`, `${prefix}/b/c`, `${prefix}/b/none/d`], {
          signal,
        }),
        [],
      );
      assert.deepEqual(await names(store, { prefix }), []);
      await rejectsAs('absent', store.get(`${prefix}/a`, { signal }));
      assert.deepEqual(await store.delete([], { signal }), []);
    },
  },
  {
    name: 'deletes one key and not those that begin like it',
    async run({ store }, prefix) {
      const keys = ['a', 'a.b', 'a-b', 'aa', 'b/a'].map(name => `${prefix}/${name}`);
      for (const key of keys) await put(store, key, 'x', { metadata: { key: 'k' } });
      await store.delete([`${prefix}/a`, `${prefix}/b`], { signal });
      assert.deepEqual(await names(store, { prefix }), keys.slice(1).sort());
      for (const key of keys.slice(1))
        assert.deepEqual({ ...(await store.head(key, { signal }))?.metadata }, { key: 'k' });
    },
  },
  {
    name: 'a deleted key can be created again, with nothing of the old',
    async run({ store }, prefix) {
      await put(store, `${prefix}/a/b`, 'old', { metadata: { a: 'old' } });
      await store.delete([`${prefix}/a/b`], { signal });
      await put(store, `${prefix}/a/b`, 'new');
      assert.equal((await read(store, `${prefix}/a/b`)).toString(), 'new');
      assert.deepEqual({ ...(await store.head(`${prefix}/a/b`, { signal }))?.metadata }, {});
    },
  },
  {
    name: 'creating and deleting side by side loses nothing',
    async run({ store, second }, prefix) {
      await Promise.all(
        Array.from({ length: 60 }, async (_, index) => {
          const key = `${prefix}/deep/er/${index % 3}/${index}`;
          await put(store, key, `body ${index}`, { metadata: { a: 'b' } });
          assert.equal((await read(store, key)).toString(), `body ${index}`);
          assert.deepEqual(await second.delete([key], { signal }), []);
        }),
      );
      assert.deepEqual(await names(store, { prefix }), []);
    },
  },
];
