import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { streamOf } from '../../../../src/base/bytes/streams.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import { chooseDestinations, Destinations } from '../../../../src/repository/sets/destinations.ts';
import { PartSet } from '../../../../src/repository/sets/part-set.ts';
import { createMemoryStore } from '../../../../src/stores/memory/store.ts';
import { StoreError } from '../../../../src/stores/store.ts';
import { makeRepository, overrideStore, signal } from '../../../support/site/archive.ts';

const layout = {
  what: 'dump 1',
  prefix: 'dumps/1/',
  claimKey: 'dumps/1/claim.json',
  manifestKey: 'dumps/1/manifest',
  partKey: (part: number) => `dumps/1/parts/${part}.tar`,
};

async function repositoryOf(name: string, options: { required?: boolean } = {}): Promise<Repository> {
  return await makeRepository({ name, store: createMemoryStore({ name }), empty: true, ...options });
}

function setIn(repositories: readonly Repository[]) {
  const said: string[] = [];
  const say = (what: string) => (repository: Repository) => void said.push(`${what} ${repository.name}`);
  const set = new PartSet({
    layout,
    destinations: chooseDestinations(repositories, undefined, say('left out')),
    onRetry: () => void said.push('retry'),
    onLeftBehind: say('left behind'),
    signal,
  });
  return { set, said };
}

const create = async ({ store }: Repository, key: string) =>
  await store.put(key, [Buffer.from('{}')], { ifAbsent: true, objectClass: 'catalog', signal });

const writePart = (set: PartSet) =>
  set.writePart(part => ({ stream: streamOf(Buffer.from(`part ${part}`)), content: part }));

async function keysOf({ store }: Repository): Promise<string[]> {
  const keys: string[] = [];
  for await (const entry of store.list({ prefix: '', signal })) if ('key' in entry) keys.push(entry.key);
  return keys;
}

/** The same repository, whose store refuses what `isRefused` says. */
function refusing(repository: Repository, isRefused: (key: string) => boolean, retry = false): Repository {
  const { store } = repository;
  return {
    ...repository,
    store: overrideStore(store, {
      put: (key, ...rest) =>
        isRefused(key)
          ? Promise.reject(new StoreError(retry ? 'unreachable' : 'denied', `put ${key}`))
          : store.put(key, ...rest),
    }),
  };
}

describe('a set of parts', () => {
  it('is written to each repository, and stays where it was committed', async () => {
    const repositories = [await repositoryOf('one'), await repositoryOf('two')];
    const { set, said } = setIn(repositories);
    await set.destinations.inEach(repository => create(repository, layout.claimKey));
    assert.deepEqual([await writePart(set), await writePart(set)], [1, 2]);
    const manifest = await set.writeManifest(() => streamOf(Buffer.from('manifest')));
    await set.commit(repository => create(repository, 'catalog/dumps/1.json'));
    await set.discardLeftOut();
    assert.equal(manifest.name, 'manifest');
    assert.deepEqual(
      set.parts.map(({ number, name }) => [number, name]),
      [[1, 'parts/1.tar'], [2, 'parts/2.tar']], // prettier-ignore
    );
    for (const repository of repositories)
      assert.deepEqual(await keysOf(repository), [
        'catalog/dumps/1.json',
        layout.claimKey,
        layout.manifestKey,
        layout.partKey(1),
        layout.partKey(2),
      ]);
    assert.deepEqual(said, []);
  });

  it('goes on without a repository that need not be reached, and leaves nothing there', async () => {
    const [one, extra] = [await repositoryOf('one'), await repositoryOf('extra', { required: false })];
    const { set, said } = setIn([one, refusing(extra, key => key === layout.partKey(2))]);
    await set.destinations.inEach(repository => create(repository, layout.claimKey));
    await writePart(set);
    await writePart(set);
    await set.commit(repository => create(repository, 'record'));
    await set.discardLeftOut();
    assert.deepEqual(said, ['left out extra']);
    assert.deepEqual(await keysOf(extra), []);
    assert.equal((await keysOf(one)).length, 4);
  });

  it('fails with the repository that must be reached, whatever the others have', async () => {
    const [one, two] = [await repositoryOf('one'), await repositoryOf('two')];
    const { set, said } = setIn([one, refusing(two, key => key === layout.partKey(1))]);
    await assert.rejects(writePart(set), { code: 'denied' });
    const inOne = set.destinations.inEach(({ name }) =>
      name === 'two' ? Promise.reject(new StoreError('denied', 'get')) : Promise.resolve(),
    );
    await assert.rejects(inOne, { code: 'denied' });
    assert.deepEqual([set.parts, said], [[], []]);
  });

  it('writes a part again under another number when a store fails for a moment', async () => {
    const repository = await repositoryOf('one');
    const { set, said } = setIn([refusing(repository, key => key === layout.partKey(1), true)]);
    assert.equal(await writePart(set), 2);
    assert.deepEqual(said, ['retry']);
    assert.deepEqual(await keysOf(repository), [layout.partKey(2)]);
  });

  it('takes its own write for success when the answer was lost, and replaces what another planted below its id', async () => {
    const repository = await repositoryOf('one');
    const { store } = repository;
    let isLost = true;
    const losing = overrideStore(store, {
      put: async (key, ...rest) => {
        await store.put(key, ...rest);
        if (isLost) throw new StoreError('exists', `put ${key}: already exists`);
      },
    });
    const { set, said } = setIn([{ ...repository, store: losing }]);
    assert.equal(await writePart(set), 1);
    isLost = false;
    for (const planted of [2, 3, 4]) await create(repository, layout.partKey(planted));
    await create(repository, layout.manifestKey);
    assert.equal(await writePart(set), 3, 'under another number');
    assert.equal(await writePart(set), 4);
    assert.deepEqual(said, ['retry'], 'later ones are replaced at once');
    const { storedSizeBytes } = await set.writeManifest(() => streamOf(Buffer.from('manifest')));
    const stored = await repository.store.head(layout.manifestKey, { signal });
    assert.equal(stored?.sizeBytes, storedSizeBytes);
  });

  it('has its parts written elsewhere, side by side, and learns there what fails', async () => {
    const [one, extra] = [await repositoryOf('one'), await repositoryOf('extra', { required: false })];
    const { set, said } = setIn([one, extra]);
    const stored = { sizeBytes: 3, sha256: 'a'.repeat(64) };
    const first = Promise.withResolvers<void>();
    const numbers = await Promise.all([
      set.placePart(async ({ number }) => {
        await first.promise;
        return { stored, plainSizeBytes: 9, content: number };
      }),
      set.placePart(async ({ number, key }) => {
        first.resolve();
        if (number === 2) throw new WalvaultError('conflict', `${key} is there already`, { retry: true });
        return { stored, plainSizeBytes: 5, content: number };
      }),
    ]);
    assert.deepEqual(numbers, [1, 3]);
    assert.deepEqual(
      set.parts.map(({ number, name, plainSizeBytes }) => [number, name, plainSizeBytes]),
      [[1, 'parts/1.tar', 9], [3, 'parts/3.tar', 5]], // prettier-ignore
    );
    const terms = set.destinations.terms();
    assert.equal(terms.replaces, true, 'what was planted is replaced from now on');
    assert.deepEqual(terms.repositories, [
      { name: 'one', mustSucceed: true },
      { name: 'extra', mustSucceed: false },
    ]);
    set.destinations.leaveOut('extra', new StoreError('denied', 'put'));
    set.destinations.leaveOut('extra', new StoreError('denied', 'put'));
    assert.deepEqual(
      set.destinations.terms().repositories.map(({ name }) => name),
      ['one'],
    );
    assert.deepEqual(said, ['retry', 'left out extra']);
    const elsewhere = Destinations.on(terms, [extra, one], () => undefined);
    assert.deepEqual(elsewhere.repositories, [one, extra]);
    assert.throws(() => Destinations.on(terms, [one], () => undefined), { code: 'internal' });
  });

  it('is discarded where no record can exist, and kept where its commit was begun', async () => {
    const [one, two] = [await repositoryOf('one'), await repositoryOf('two')];
    const { set } = setIn([one, two]);
    await writePart(set);
    assert.deepEqual(await set.discardUncommitted(), []);
    assert.deepEqual([await keysOf(one), await keysOf(two)], [[], []]);
    await writePart(set);
    const lost = new StoreError('denied', 'no answer came');
    await assert.rejects(
      set.commit(async repository => {
        await create(repository, 'record');
        throw lost;
      }),
      lost,
    );
    assert.deepEqual(
      (await set.discardUncommitted()).map(({ name }) => name),
      ['one', 'two'],
    );
    assert.deepEqual(await keysOf(one), [layout.partKey(2), 'record']);
  });
});
