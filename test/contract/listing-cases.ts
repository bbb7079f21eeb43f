import assert from 'node:assert/strict';
import { pagesOf } from '../../src/stores/pages.ts';
import { entries, names, put, signal } from './contract-driver.ts';
import type { ContractFixture } from './contract-driver.ts';
import type { Case } from './store-contract.ts';

const tree = ['a', 'a-b', 'a.b', 'a/b', 'a/b-c', 'a/b/c', 'a0', 'b/a/1', 'b/a/2', 'b/b', 'b0/x', 'c', '~'];
/** Without what a directory cannot hold: an object and others below its name. */
const keysOf = (prefix: string) =>
  tree.filter(key => key !== 'a' && key !== 'a/b').map(key => `${prefix}/${key}`);

async function plant(fixture: ContractFixture, prefix: string): Promise<string[]> {
  const keys = keysOf(prefix);
  for (const key of [...keys].reverse()) await put(fixture.store, key, key, { metadata: { a: 'b' } });
  return keys;
}

export const listingCases: readonly Case[] = [
  {
    name: 'lists in the order of bytes, whatever the slashes',
    async run(fixture, prefix) {
      const keys = await plant(fixture, prefix);
      assert.deepEqual(keys, [...keys].sort());
      assert.deepEqual(await names(fixture.store, { prefix: `${prefix}/` }), keys);
    },
  },
  {
    name: 'lists everything for the empty prefix',
    async run(fixture, prefix) {
      const keys = await plant(fixture, prefix);
      const all = await names(fixture.store, { prefix: '' });
      assert.deepEqual(all, [...all].sort());
      assert.deepEqual(
        all.filter(key => key.startsWith(`${prefix}/`)),
        keys,
      );
    },
  },
  {
    name: 'lists the same by the page',
    async run(fixture, prefix) {
      const keys = await plant(fixture, prefix);
      for (const startAfter of [undefined, keys[3]]) {
        const options = { prefix: `${prefix}/`, startAfter, signal };
        const pages = await Array.fromAsync(pagesOf(fixture.store, options));
        assert.deepEqual(pages.flat(), await Array.fromAsync(fixture.store.list(options)));
        assert.ok(pages.length < keys.length, 'a page has more than an entry');
      }
    },
  },
  {
    name: 'tells sizes and times',
    async run(fixture, prefix) {
      await plant(fixture, prefix);
      for (const entry of await entries(fixture.store, { prefix: `${prefix}/` })) {
        assert('key' in entry);
        assert.equal(entry.sizeBytes, entry.key.length);
        assert(Math.abs(entry.modified.getTime() - Date.now()) < 600_000);
      }
    },
  },
  {
    name: 'takes any string as prefix',
    async run(fixture, prefix) {
      const keys = await plant(fixture, prefix);
      for (const part of ['a', 'a/', 'a/b', 'a/b-', 'b/a', 'b', 'b/a/1', '~', 'none', 'a-b/', 'c/', 'a//', '..', '../', './a'])
        assert.deepEqual(await names(fixture.store, { prefix: `${prefix}/${part}` }), keys.filter(key => key.startsWith(`${prefix}/${part}`)), part); // prettier-ignore
    },
  },
  {
    name: 'starts after any string, there or not',
    async run(fixture, prefix) {
      const keys = await plant(fixture, prefix);
      const starts = [...keys, ...['', 'a', 'a/', 'a/b', 'a0/', 'b', 'b/', 'b/a', 'b/a/', 'b/a/15', 'b/zzz', 'zzz', '~~'].map(name => `${prefix}/${name}`)]; // prettier-ignore
      for (const startAfter of starts)
        assert.deepEqual(await names(fixture.store, { prefix: `${prefix}/`, startAfter }), keys.filter(key => key > startAfter), startAfter); // prettier-ignore
    },
  },
  {
    name: 'groups by the delimiter',
    async run(fixture, prefix) {
      await plant(fixture, prefix);
      const grouped = async (part: string, startAfter?: string) =>
        (await entries(fixture.store, { prefix: `${prefix}/${part}`, delimiter: '/', startAfter })).map(
          entry =>
            'key' in entry
              ? entry.key.slice(prefix.length + 1)
              : `[${entry.prefix.slice(prefix.length + 1)}]`,
        );
      assert.deepEqual(await grouped(''), ['a-b', 'a.b', '[a/]', 'a0', '[b/]', '[b0/]', 'c', '~']);
      assert.deepEqual(await grouped('b/'), ['[b/a/]', 'b/b']);
      assert.deepEqual(await grouped('b'), ['[b/]', '[b0/]']);
      assert.deepEqual(await grouped('b/a/'), ['b/a/1', 'b/a/2']);
      assert.deepEqual(await grouped('none/'), []);
      assert.deepEqual(await grouped('', `${prefix}/a/`), ['a0', '[b/]', '[b0/]', 'c', '~']);
      assert.deepEqual(await grouped('', `${prefix}/a/b`), ['a0', '[b/]', '[b0/]', 'c', '~']);
      assert.deepEqual(await grouped('', `${prefix}/a0`), ['[b/]', '[b0/]', 'c', '~']);
    },
  },
  {
    name: 'a group without a key is not shown',
    async run({ store }, prefix) {
      await put(store, `${prefix}/a/b/c`, 'x');
      await put(store, `${prefix}/d`, 'x');
      await store.delete([`${prefix}/a/b/c`], { signal });
      assert.deepEqual(await names(store, { prefix: `${prefix}/`, delimiter: '/' }), [`${prefix}/d`]);
    },
  },
  {
    name: 'an empty listing of an existing place is empty',
    async run({ store }, prefix) {
      assert.deepEqual(await names(store, { prefix: `${prefix}/none/` }), []);
      assert.deepEqual(await names(store, { prefix: `${prefix}/none/`, delimiter: '/' }), []);
    },
  },
  {
    name: 'lists more than two pages, and from the middle; deletes them at once',
    async run({ store }, prefix) {
      const keys = Array.from({ length: 2105 }, (_, index) => `${prefix}/${String(index >> 8).padStart(4, '0')}/${String(index).padStart(5, '0')}`); // prettier-ignore
      for (let at = 0; at < keys.length; at += 50)
        await Promise.all(keys.slice(at, at + 50).map(key => put(store, key, 'x')));
      assert.deepEqual(await names(store, { prefix: `${prefix}/` }), keys);
      for (const index of [0, 254, 255, 256, 999, 1000, 1001, 2103, 2104])
        assert.deepEqual(
          await names(store, { prefix: `${prefix}/`, startAfter: keys[index] }),
          keys.slice(index + 1),
        );
      assert.equal((await names(store, { prefix: `${prefix}/`, delimiter: '/' })).length, 9);
      assert.deepEqual(await store.delete(keys, { signal }), []);
      assert.deepEqual(await names(store, { prefix: `${prefix}/` }), []);
    },
  },
  {
    name: 'groups of more than a page are shown once',
    async run({ store }, prefix) {
      const keys = Array.from(
        { length: 1500 },
        (_, index) => `${prefix}/${index < 1200 ? 'big' : `small${index}`}/${index}`,
      );
      for (let at = 0; at < keys.length; at += 50)
        await Promise.all(keys.slice(at, at + 50).map(key => put(store, key, 'x')));
      const groups = await names(store, { prefix: `${prefix}/`, delimiter: '/' });
      assert.equal(groups.length, 301);
      assert.equal(new Set(groups).size, 301);
      assert.deepEqual(groups, [...groups].sort());
      assert.deepEqual(await store.delete(keys, { signal }), []);
    },
  },
  {
    name: 'a listing can be left in the middle',
    async run(fixture, prefix) {
      const keys = await plant(fixture, prefix);
      for await (const entry of fixture.store.list({ prefix: `${prefix}/`, signal })) {
        assert('key' in entry && entry.key === keys[0]);
        break;
      }
    },
  },
  {
    name: 'an abort ends a listing with its reason',
    async run(fixture, prefix) {
      const reason = new Error('enough');
      await assert.rejects(async () => {
        for await (const _ of fixture.store.list({ prefix, signal: AbortSignal.abort(reason) }));
      }, reason);
    },
  },
];
