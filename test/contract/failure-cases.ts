import assert from 'node:assert/strict';
import type { PutBody, PutOptions, Store } from '../../src/stores/store.ts';
import { inPieces, names, put, randomBody, read, rejectsAs, sha256Of, signal } from './contract-driver.ts';
import type { ContractFixture } from './contract-driver.ts';
import type { Case } from './store-contract.ts';

export const failureCases: readonly Case[] = [
  ...(['memory', 'stream'] as const).flatMap(kind => [
    refusal(`a body from ${kind} shorter than announced`, kind, { difference: 1 }),
    refusal(`a body from ${kind} longer than announced`, kind, { difference: -1 }),
    refusal(`a body from ${kind} with another digest than announced`, kind, {
      sha256: sha256Of(Buffer.from('other')),
    }),
  ]),
  refusal('a long stream shorter than announced', 'stream', { difference: 1, isLong: true }),
  refusal('a long stream longer than announced', 'stream', { difference: -1, isLong: true }),
  refusal('a long stream with another digest', 'stream', {
    sha256: sha256Of(Buffer.from('other')),
    isLong: true,
  }),
  {
    name: 'a refused body leaves what was there before',
    async run({ store }, prefix) {
      await put(store, `${prefix}/a`, 'first', { metadata: { writer: 'one' } });
      await rejectsAs(
        'invalid',
        put(store, `${prefix}/a`, 'second', { ifAbsent: false, sizeBytes: 3, metadata: { writer: 'two' } }),
      );
      assert.equal((await read(store, `${prefix}/a`)).toString(), 'first');
      assert.equal((await store.head(`${prefix}/a`, { signal }))?.metadata['writer'], 'one');
    },
  },
  ...[false, true].map(
    isLong =>
      ({
        name: `a ${isLong ? 'long' : 'short'} stream that fails leaves nothing and its own error`,
        async run(fixture, prefix) {
          const failure = new Error('the source broke');
          const broken = async function* () {
            yield* inPieces(randomBody(isLong ? 2 * fixture.boundaryBytes : 1000));
            throw failure;
          };
          await assert.rejects(
            put(fixture.store, `${prefix}/a/b`, broken(), { metadata: { a: 'b' } }),
            failure,
          );
          await assertNothingLeft(fixture, prefix);
        },
      }) satisfies Case,
  ),
  {
    name: 'a system error of the source is not taken for one of the store',
    async run(fixture, prefix) {
      const failure = Object.assign(new Error('read failed'), { code: 'ENOSPC' });
      const broken = async function* (): AsyncGenerator<Uint8Array> {
        yield* inPieces(Buffer.from('x'));
        throw failure;
      };
      await assert.rejects(put(fixture.store, `${prefix}/a`, broken()), failure);
    },
  },
  ...[false, true].map(
    isLong =>
      ({
        name: `an abort in the middle of a ${isLong ? 'long' : 'short'} stream leaves nothing`,
        async run(fixture, prefix) {
          const controller = new AbortController();
          const reason = new Error('stopped');
          const body = async function* () {
            const data = randomBody(isLong ? 2 * fixture.boundaryBytes : 300_000);
            yield data.subarray(0, data.length - 1);
            controller.abort(reason);
            yield data.subarray(data.length - 1);
          };
          await assert.rejects(
            put(fixture.store, `${prefix}/a/b`, body(), { signal: controller.signal, metadata: { a: 'b' } }),
            reason,
          );
          await assertNothingLeft(fixture, prefix);
        },
      }) satisfies Case,
  ),
  {
    name: 'a failing put closes its source',
    async run(fixture, prefix) {
      let isClosed = false;
      const endless = async function* (): AsyncGenerator<Uint8Array> {
        try {
          for (;;) yield Buffer.alloc(1000);
        } finally {
          isClosed = true;
        }
      };
      await rejectsAs('invalid', put(fixture.store, `${prefix}/a`, endless(), { sizeBytes: 10_000 }));
      assert(isClosed);
    },
  },
  {
    name: 'a missing container is not an empty one',
    needs: ['withoutContainer'],
    async run({ withoutContainer }) {
      const store = given(withoutContainer);
      await rejectsAs('no-container', put(store, 'a/b', 'x'));
      await rejectsAs('no-container', put(store, 'a', inPieces(Buffer.from('x')), { ifAbsent: false }));
      await rejectsAs('no-container', store.get('a', { signal }));
      await rejectsAs('no-container', store.get('a/b', { signal, range: { start: 0, end: 1 } }));
      await rejectsAs('no-container', store.head('a', { signal }));
      await rejectsAs('no-container', names(store, { prefix: '' }));
      await rejectsAs('no-container', names(store, { prefix: 'a/b/', delimiter: '/' }));
      await rejectsAs('no-container', store.delete(['a'], { signal }));
    },
  },
  {
    name: 'a denied access is neither absence nor emptiness',
    needs: ['asDenied'],
    async run({ store, asDenied }, prefix) {
      await put(store, `${prefix}/a`, 'x', { metadata: { a: 'b' } });
      await given(asDenied)(async denied => {
        await rejectsAs('denied', put(denied, `${prefix}/b`, 'x'));
        await rejectsAs('denied', denied.get(`${prefix}/a`, { signal }));
        await rejectsAs('denied', denied.get(`${prefix}/none`, { signal }));
        await rejectsAs('denied', denied.head(`${prefix}/a`, { signal }));
        await rejectsAs('denied', denied.head(`${prefix}/none`, { signal }));
        await rejectsAs('denied', names(denied, { prefix }));
        await rejectsAs('denied', deleteOne(denied, `${prefix}/a`));
      });
      assert.equal((await read(store, `${prefix}/a`)).toString(), 'x');
    },
  },
  {
    name: 'a flipped bit is noticed by whoever reads the whole',
    needs: ['damage'],
    async run({ store, damage }, prefix) {
      await put(store, `${prefix}/a`, [randomBody(200_000)], { metadata: { a: 'b' } });
      await given(damage)(`${prefix}/a`, 'flip');
      await rejectsAs('damaged', read(store, `${prefix}/a`));
    },
  },
  {
    name: 'makes durable what is there, and only that',
    async run({ store }, prefix) {
      await put(store, `${prefix}/a/b`, 'x', { metadata: { a: 'b' } });
      await store.makeDurable?.(`${prefix}/a/b`, { signal });
      if (store.makeDurable !== undefined)
        await rejectsAs('absent', store.makeDurable(`${prefix}/none`, { signal }));
    },
  },
  {
    name: 'knows whether a wrong checksum is refused, and leaves nothing of it',
    async run({ store }, prefix) {
      const isRefused = await store.refusesWrongChecksum?.(`${prefix}/probe`, { signal });
      assert.notEqual(isRefused, false);
      assert.deepEqual(await names(store, { prefix }), []);
    },
  },
  {
    name: 'shows its address without a secret',
    async run({ store }) {
      assert.match(store.url, /^(memory:|file:\/\/\/|(s3|gs|azure):\/\/)/);
      assert.doesNotMatch(store.url, /secret|@/);
      assert.equal(store.capabilities.conditionalCreate, 'atomic');
    },
  },
];

interface Lie {
  readonly difference?: number;
  readonly sha256?: string;
  readonly isLong?: boolean;
}

function refusal(name: string, kind: 'memory' | 'stream', lie: Lie): Case {
  return {
    name: `refuses ${name}, and leaves nothing`,
    async run(fixture, prefix) {
      const data = randomBody(lie.isLong === true ? 2 * fixture.boundaryBytes : 150_000);
      const body: PutBody = kind === 'memory' ? [data] : inPieces(data);
      const options: Partial<PutOptions> = {
        metadata: { a: 'b' },
        ...(lie.difference !== undefined && { sizeBytes: data.length + lie.difference }),
        ...(lie.sha256 !== undefined && { sha256: lie.sha256 }),
      };
      await rejectsAs('invalid', put(fixture.store, `${prefix}/a/b`, body, options));
      await assertNothingLeft(fixture, prefix);
    },
  };
}

async function assertNothingLeft({ store, leftovers }: ContractFixture, prefix: string): Promise<void> {
  assert.deepEqual(await names(store, { prefix }), []);
  assert.equal(await store.head(`${prefix}/a/b`, { signal }), undefined);
  assert.deepEqual((await leftovers?.()) ?? [], []);
}

async function deleteOne(store: Store, key: string): Promise<void> {
  const [failure] = await store.delete([key], { signal });
  if (failure !== undefined) throw failure.error;
}

function given<T>(value: T | undefined): T {
  assert(value !== undefined, 'the fixture lacks what it lent');
  return value;
}
