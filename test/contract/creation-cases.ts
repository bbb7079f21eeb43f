import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { isStoreError } from '../../src/stores/store.ts';
import {
  inPieces,
  names,
  put,
  putOptions,
  randomBody,
  read,
  rejectsAs,
  sha256Of,
  signal,
} from './contract-driver.ts';
import type { Case } from './store-contract.ts';

const racers = 16;

export const creationCases: readonly Case[] = [
  {
    name: 'reads back what was put',
    async run({ store }, prefix) {
      const body = randomBody(300_000);
      await put(store, `${prefix}/a`, [body]);
      assert(body.equals(await read(store, `${prefix}/a`)));
    },
  },
  {
    name: 'keeps an empty object',
    async run({ store }, prefix) {
      await put(store, `${prefix}/array`, []);
      await put(store, `${prefix}/stream`, inPieces(Buffer.alloc(0)));
      assert.equal((await read(store, `${prefix}/array`)).length, 0);
      assert.equal((await read(store, `${prefix}/stream`)).length, 0);
      assert.equal((await store.head(`${prefix}/stream`, { signal }))?.sizeBytes, 0);
    },
  },
  {
    name: 'joins an array of chunks',
    async run({ store }, prefix) {
      await put(store, `${prefix}/a`, [Buffer.from('one '), Buffer.alloc(0), Buffer.from('two')], {
        sizeBytes: 7,
      });
      assert.equal((await read(store, `${prefix}/a`)).toString(), 'one two');
    },
  },
  ...[-1, 0, 1].map(
    difference =>
      ({
        name: `streams a body of the boundary size ${difference >= 0 ? '+' : ''}${difference}`,
        run: async ({ store, boundaryBytes }, prefix) => {
          const body = randomBody(boundaryBytes + difference);
          await put(store, `${prefix}/a`, inPieces(body), { sha256: sha256Of(body), sizeBytes: body.length });
          assert(body.equals(await read(store, `${prefix}/a`)));
        },
      }) satisfies Case,
  ),
  {
    name: 'streams a body of several boundaries whose size nobody announced',
    async run({ store, boundaryBytes, leftovers }, prefix) {
      const body = randomBody(2 * boundaryBytes + 12_345);
      await put(store, `${prefix}/a`, inPieces(body, 777_777), { metadata: { sha256: sha256Of(body) } });
      const object = await store.get(`${prefix}/a`, { signal });
      assert.equal(object.stat.metadata['sha256'], sha256Of(body));
      assert(body.equals(await read(store, `${prefix}/a`)));
      assert.deepEqual((await leftovers?.()) ?? [], []);
    },
  },
  {
    name: 'puts a large body from memory',
    async run({ store, boundaryBytes }, prefix) {
      const body = randomBody(boundaryBytes + 1_000_000);
      await put(store, `${prefix}/a`, [body.subarray(0, 5), body.subarray(5)], { sha256: sha256Of(body) });
      assert(body.equals(await read(store, `${prefix}/a`)));
    },
  },
  {
    name: 'refuses to create what is there, and leaves it as it was',
    async run({ store, second, leftovers }, prefix) {
      await put(store, `${prefix}/a`, 'first', { metadata: { writer: 'one' } });
      await rejectsAs('exists', put(second, `${prefix}/a`, 'other', { metadata: { writer: 'two' } }));
      await rejectsAs('exists', put(second, `${prefix}/a`, inPieces(Buffer.from('longer than first'))));
      assert.equal((await read(store, `${prefix}/a`)).toString(), 'first');
      assert.equal((await store.head(`${prefix}/a`, { signal }))?.metadata['writer'], 'one');
      assert.deepEqual((await leftovers?.()) ?? [], []);
    },
  },
  {
    name: 'refuses to create a long object over one that is there',
    async run({ store, boundaryBytes, leftovers }, prefix) {
      await put(store, `${prefix}/a`, 'first');
      await rejectsAs('exists', put(store, `${prefix}/a`, inPieces(randomBody(2 * boundaryBytes))));
      assert.equal((await read(store, `${prefix}/a`)).toString(), 'first');
      assert.deepEqual((await leftovers?.()) ?? [], []);
    },
  },
  {
    name: 'an empty object counts as there',
    async run({ store }, prefix) {
      await put(store, `${prefix}/a`, []);
      await rejectsAs('exists', put(store, `${prefix}/a`, 'x'));
    },
  },
  {
    name: 'replaces where it is asked to, metadata included',
    async run({ store }, prefix) {
      await put(store, `${prefix}/a`, 'first', { metadata: { writer: 'one', only: 'first' } });
      await put(store, `${prefix}/a`, 'second', { ifAbsent: false, metadata: { writer: 'two' } });
      assert.equal((await read(store, `${prefix}/a`)).toString(), 'second');
      assert.deepEqual({ ...(await store.head(`${prefix}/a`, { signal }))?.metadata }, { writer: 'two' });
      await put(store, `${prefix}/a`, 'second', { ifAbsent: false, metadata: { writer: 'three' } });
      assert.deepEqual({ ...(await store.head(`${prefix}/a`, { signal }))?.metadata }, { writer: 'three' });
      await put(store, `${prefix}/a`, 'third', { ifAbsent: false });
      assert.deepEqual({ ...(await store.head(`${prefix}/a`, { signal }))?.metadata }, {});
    },
  },
  {
    name: `of ${racers} creators with different content exactly one wins, whole`,
    async run({ store, second, leftovers }, prefix) {
      for (let round = 0; round < 5; round++) {
        const key = `${prefix}/${round}/race`;
        const bodies = Array.from({ length: racers }, () => randomBody(50_000));
        const outcomes = await Promise.allSettled(
          bodies.map((body, index) =>
            put(index % 2 === 0 ? store : second, key, [body], { metadata: { digest: sha256Of(body) } }),
          ),
        );
        const winners = bodies.filter((_, index) => outcomes[index]?.status === 'fulfilled');
        assert.equal(winners.length, 1);
        for (const outcome of outcomes)
          if (outcome.status === 'rejected')
            assert(isStoreError(outcome.reason, 'exists'), String(outcome.reason));
        const body = await read(second, key);
        assert(winners[0]?.equals(body));
        assert.equal((await second.head(key, { signal }))?.metadata['digest'], sha256Of(body));
      }
      assert.deepEqual((await leftovers?.()) ?? [], []);
    },
  },
  {
    name: `of ${racers} creators with the same content one wins, and its metadata is whole`,
    async run({ store, second, leftovers }, prefix) {
      for (let round = 0; round < 10; round++) {
        const key = `${prefix}/${round}/race`;
        const body = randomBody(20_000);
        const outcomes = await Promise.allSettled(
          Array.from({ length: racers }, (_, index) =>
            put(index % 2 === 0 ? store : second, key, [body], {
              metadata: { digest: sha256Of(body), writer: randomUUID() },
            }),
          ),
        );
        assert.equal(outcomes.filter(outcome => outcome.status === 'fulfilled').length, 1);
        const stat = await second.head(key, { signal });
        assert.equal(stat?.metadata['digest'], sha256Of(body), `round ${round}`);
        assert.match(stat.metadata['writer'] ?? '', /^[0-9a-f-]{36}$/);
      }
      assert.deepEqual((await leftovers?.()) ?? [], []);
    },
  },
  {
    name: 'of four racing long streams exactly one wins, whole',
    assumes: 'long-creation',
    async run({ store, boundaryBytes, leftovers }, prefix) {
      const bodies = Array.from({ length: 4 }, () => randomBody(boundaryBytes + 100_000));
      const outcomes = await Promise.allSettled(
        bodies.map(body => put(store, `${prefix}/race`, inPieces(body))),
      );
      const winners = bodies.filter((_, index) => outcomes[index]?.status === 'fulfilled');
      assert.equal(winners.length, 1, String(outcomes.map(outcome => outcome.status)));
      assert(winners[0]?.equals(await read(store, `${prefix}/race`)));
      assert.deepEqual((await leftovers?.()) ?? [], []);
    },
  },
  {
    // What a segment that hardly compresses is: no service may be asked to join parts for it, because some join
    // them without looking whether the key is taken.
    name: 'of eight racing bodies in memory, longer than a part, exactly one wins, whole',
    async run({ store, boundaryBytes, leftovers }, prefix) {
      const bodies = Array.from({ length: 8 }, () => randomBody(boundaryBytes + 100_000));
      const outcomes = await Promise.allSettled(bodies.map(body => put(store, `${prefix}/race`, [body])));
      const winners = bodies.filter((_, index) => outcomes[index]?.status === 'fulfilled');
      assert.equal(winners.length, 1, String(outcomes.map(outcome => outcome.status)));
      assert(winners[0]?.equals(await read(store, `${prefix}/race`)));
      assert.deepEqual((await leftovers?.()) ?? [], []);
    },
  },
  {
    name: 'keeps metadata as it is given',
    async run({ store, second }, prefix) {
      const metadata = {
        sha256: `sha256:${'a'.repeat(64)}`,
        size: '16777216',
        'write-id': randomUUID(),
        odd: `a b  c;,=:"'\\<>&%20/+~|{}[]`,
      };
      await put(store, `${prefix}/a`, 'x', { metadata });
      assert.deepEqual({ ...(await second.head(`${prefix}/a`, { signal }))?.metadata }, metadata);
      assert.deepEqual({ ...(await second.get(`${prefix}/a`, { signal })).stat.metadata }, metadata);
    },
  },
  {
    name: 'keeps as much metadata as it promises, and refuses more',
    async run({ store }, prefix) {
      const limitBytes = store.capabilities.metadataLimitBytes;
      assert(limitBytes >= 1500);
      const metadata = { a: 'x'.repeat(Math.min(limitBytes, 2000) - 1) };
      await put(store, `${prefix}/full`, 'x', { metadata });
      assert.deepEqual({ ...(await store.head(`${prefix}/full`, { signal }))?.metadata }, metadata);
      await rejectsAs(
        'invalid',
        put(store, `${prefix}/more`, 'x', { metadata: { a: 'x'.repeat(limitBytes) } }),
      );
    },
  },
  {
    name: 'refuses metadata that not every service keeps',
    async run({ store }, prefix) {
      for (const metadata of [
        { Upper: 'x' },
        { under_score: 'x' },
        { a: 'ä' },
        { a: 'line\nbreak' },
        { a: ' x' },
        { a: '' },
      ])
        await rejectsAs('invalid', put(store, `${prefix}/a`, 'x', { metadata }));
      assert.deepEqual(await names(store, { prefix }), []);
    },
  },
  {
    name: 'keeps odd but legal keys',
    async run({ store, second }, prefix) {
      const keys = [
        ' ', '!', '#hash', '%41', '%', "'quote'", '(a)', '+plus', ',', '-', '.hidden', '.a.b', ':', ';', '=', '@', '[b]',
        '^', '`', 'a b', 'a&b', 'a<b>', 'a?b=c', 'a"b', 'x.tmp', 'x.meta', '{c}', '|', '~', 'A'.repeat(200),
      ].map(name => `${prefix}/${name}`); // prettier-ignore
      for (const key of keys) await put(store, key, key, { metadata: { a: 'b' } });
      assert.deepEqual(await names(second, { prefix: `${prefix}/` }), [...keys].sort());
      for (const key of keys) assert.equal((await read(second, key)).toString(), key);
      assert.deepEqual(await store.delete(keys, { signal }), []);
      assert.deepEqual(await names(second, { prefix: `${prefix}/` }), []);
    },
  },
  {
    name: 'refuses keys that not every service keeps',
    async run({ store }, prefix) {
      const bad = [
        '',
        '/',
        '/a',
        'a/',
        'a//b',
        '.',
        '..',
        '../a',
        'a/../b',
        'a/./b',
        'a/...',
        'a./b',
        'a\\b',
        'ä',
        'a\nb',
        'a\0b',
        'a'.repeat(513),
      ];
      for (const key of bad) {
        await rejectsAs('invalid', put(store, key, 'x'));
        await rejectsAs('invalid', store.get(key, { signal }));
        await rejectsAs('invalid', store.head(key, { signal }));
        const [failure] = await store.delete([key], { signal });
        assert.equal(failure?.error.kind, 'invalid');
      }
      await rejectsAs('invalid', put(store, `${prefix}/a.0123456789abcdef.meta`, 'x'));
    },
  },
  {
    name: 'keeps a key of 512 bytes',
    async run({ store }, prefix) {
      const key = `${prefix}/${'d'.repeat(200)}/${'e'.repeat(200)}/`.padEnd(512, 'f');
      await put(store, key, 'x', { metadata: { a: 'b' } });
      assert.deepEqual(await names(store, { prefix: `${prefix}/d` }), [key]);
    },
  },
  {
    name: 'does not begin when the signal has already fired',
    async run({ store }, prefix) {
      const reason = new Error('stop');
      const aborted = AbortSignal.abort(reason);
      await assert.rejects(
        store.put(`${prefix}/a`, [Buffer.from('x')], putOptions({ signal: aborted })),
        reason,
      );
      await assert.rejects(store.get(`${prefix}/a`, { signal: aborted }), reason);
      await assert.rejects(store.head(`${prefix}/a`, { signal: aborted }), reason);
      await assert.rejects(store.delete([`${prefix}/a`], { signal: aborted }), reason);
      assert.deepEqual(await names(store, { prefix }), []);
    },
  },
];
