/** Objects under a lock: they stay and are reported, which is no failure, and a later run removes them. */
import assert from 'node:assert/strict';
import { it } from 'vitest';
import { cleanup } from '../../../../src/operations/cleanup/cleanup.ts';
import { createMemoryStore } from '../../../../src/stores/memory/store.ts';
import { StoreError, type Store } from '../../../../src/stores/store.ts';
import { commitBackup } from '../../../support/copied-repository.ts';
import { silentLog } from '../../../support/logs.ts';
import {
  archiveSegment,
  makeRepository,
  overrideStore,
  signal,
  system,
} from '../../../support/site/archive.ts';

const now = new Date('2026-11-22T03:00:00Z');
const until = new Date('2099-01-01T00:00:00Z');

/** Forbids the deletion of what has this in its key. */
function lock(store: Store, part: string): Store {
  return overrideStore(store, {
    async delete(keys, options) {
      const locked = keys.filter(key => key.includes(part));
      const others = await store.delete(
        keys.filter(key => !locked.includes(key)),
        options,
      );
      return [
        ...others,
        ...locked.map(key => ({ key, error: new StoreError('denied', 'locked', { lockedUntil: until }) })),
      ];
    },
  });
}

it('locked objects stay until their lock ends, are reported, and are no failure', async () => {
  const repository = await makeRepository({ store: createMemoryStore({ now: () => now }) });
  for (let segment = 1n; segment <= 12n; segment++) await archiveSegment(repository, 1, segment);
  await commitBackup(repository, { id: '20261121T020000Z-full-3f2a91', from: 3n, to: 4n });
  await commitBackup(repository, { id: '20261122T020000Z-full-3f2a91', from: 8n, to: 9n });
  const said: string[] = [];
  const run = async (store: Store) => {
    const { repositories } = await cleanup({
      repositories: [{ ...repository, store }],
      cluster: system.cluster,
      flags: { keepLast: 1 },
      configured: () => ({ minimumBackups: 1, timeZone: 'UTC' }),
      isRetired: false,
      isDryRun: false,
      now,
      log: { ...silentLog, emit: event => { if (event.kind === 'removal-locked') said.push(event.until); } }, // prettier-ignore
      signal,
    });
    assert.deepEqual(repositories[0]?.failures, []);
    return repositories[0]?.systems[0]?.removed;
  };
  const first = await run(lock(repository.store, '/wal/'));
  assert.deepEqual(first?.backups, ['20261121T020000Z-full-3f2a91']);
  assert.equal(first?.locked?.objectCount, 7);
  assert.deepEqual(first?.locked?.until, until);
  assert.deepEqual(said, [until.toISOString()]);
  const second = await run(repository.store);
  assert.equal(second?.locked, undefined);
  assert.equal(second?.objectCount, 7);
});

it('a backup whose record is locked stays whole, with its WAL', async () => {
  const repository = await makeRepository({ store: createMemoryStore({ now: () => now }) });
  for (let segment = 1n; segment <= 12n; segment++) await archiveSegment(repository, 1, segment);
  await commitBackup(repository, { id: '20261121T020000Z-full-3f2a91', from: 3n, to: 4n });
  await commitBackup(repository, { id: '20261122T020000Z-full-3f2a91', from: 8n, to: 9n });
  const { repositories } = await cleanup({
    repositories: [{ ...repository, store: lock(repository.store, 'catalog/backups/') }],
    cluster: system.cluster,
    flags: { keepLast: 1 },
    configured: () => ({ minimumBackups: 1, timeZone: 'UTC' }),
    isRetired: false,
    isDryRun: false,
    now,
    log: silentLog,
    signal,
  });
  assert.equal(repositories[0]?.systems[0]?.removed.objectCount, 0);
  assert.equal(repositories[0]?.systems[0]?.removed.locked?.objectCount, 1);
});
