import assert from 'node:assert/strict';
import { test } from 'vitest';
import { Secret } from '../../../../../src/base/secret.ts';
import type { Words } from '../../../../../src/observe/words/table.ts';
import { PartIndexer } from '../../../../../src/operations/backup/resume/part-indexer.ts';
import { newHostSecret, parseHostSecret } from '../../../../../src/repository/encoding/host-secret.ts';
import { partIndexKey } from '../../../../../src/repository/format/layout.ts';
import { Destinations } from '../../../../../src/repository/sets/destinations.ts';
import { createMemoryStore } from '../../../../../src/stores/memory/store.ts';
import { StoreError } from '../../../../../src/stores/store.ts';
import { wordsInto } from '../../../../support/logs.ts';
import { makeRepository, overrideStore, signal, system } from '../../../../support/site/archive.ts';

const id = '20261122T020000Z-full-3f2a91';

function partOf(number: number) {
  const name = `parts/00000${number}.tar.zst`;
  return { number, name, storedSizeBytes: 10, storedSha256: 'ab'.repeat(32), plainSizeBytes: 512 };
}

test('a part counts as finished once every repository has its index; that there is none is told once', async () => {
  let isAway = false;
  const memory = createMemoryStore();
  const store = overrideStore(memory, {
    put: async (key, body, options) => {
      if (isAway) throw new StoreError('denied', 'put: access denied');
      await memory.put(key, body, options);
    },
  });
  const repositories = [await makeRepository(), await makeRepository({ name: 'offsite', store })];
  const said: Words[] = [];
  const destinations = new Destinations(
    repositories.map(repository => ({ repository, mustSucceed: true })),
    () => assert.fail('left out'),
  );
  const secret = parseHostSecret(new Secret(newHostSecret()));
  const options = { system, id, secret, keys: '', destinations, log: wordsInto(said), signal };
  const indexer = new PartIndexer(options, [partOf(7), partOf(8)]);
  indexer.forget(partOf(8));
  await indexer.note(partOf(1), []);
  assert.deepEqual(indexer.finished, { partCount: 2, storedSizeBytes: 20 });
  for (const one of repositories)
    assert.ok(await one.store.head(partIndexKey(system, id, 1), { signal }), one.name);

  isAway = true;
  await indexer.note(partOf(2), []);
  await indexer.note(partOf(3), []);
  assert.equal(indexer.finished.partCount, 2);
  assert.deepEqual(
    said.map(({ level, message }) => [level, /index of a part was not stored/.test(message)]),
    [['warn', true]],
  );
});
