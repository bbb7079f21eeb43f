/** Cleanup that is killed at any request: what counts is whole, and the next run finishes. */
import assert from 'node:assert/strict';
import { it } from 'vitest';
import { cleanup } from '../../../../src/operations/cleanup/cleanup.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { createMemoryStore } from '../../../../src/stores/memory/store.ts';
import type { Store } from '../../../../src/stores/store.ts';
import { commitBackup } from '../../../support/copied-repository.ts';
import { dyingStore } from '../../../support/faults/dying-store.ts';
import { silentLog } from '../../../support/logs.ts';
import { archiveSegment, makeRepository, signal, system } from '../../../support/site/archive.ts';
import { assertWhole } from '../../../support/whole-archive.ts';

const points = 100;
const now = new Date('2026-11-22T03:00:00Z');
const idOf = (number: number) => `2026112${number}T020000Z-full-3f2a91`;

/** The bytes of a repository with four backups, of which one is to stay, and the rest of an earlier cleanup. */
async function template(): Promise<[string, Buffer][]> {
  const repository = await makeRepository({ store: createMemoryStore({ now: () => now }) });
  for (let segment = 1n; segment <= 40n; segment++) await archiveSegment(repository, 1, segment);
  for (const number of [1, 2, 3, 4])
    await commitBackup(repository, {
      id: idOf(number),
      from: BigInt(number) * 8n,
      to: BigInt(number) * 8n + 1n,
    });
  const objects: [string, Buffer][] = [];
  for await (const entry of repository.store.list({ prefix: '', signal })) {
    if ('prefix' in entry) continue;
    const { body } = await repository.store.get(entry.key, { signal });
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    objects.push([entry.key, Buffer.concat(chunks)]);
  }
  return objects;
}

async function restored(objects: readonly [string, Buffer][]): Promise<Repository> {
  const store = createMemoryStore({ now: () => now });
  for (const [key, data] of objects)
    await store.put(key, [data], { ifAbsent: true, objectClass: 'wal', signal });
  return await makeRepository({ store, empty: true });
}

async function run(repository: Repository, store: Store = repository.store) {
  const { repositories } = await cleanup({
    repositories: [{ ...repository, store }],
    cluster: system.cluster,
    flags: { keepLast: 1 },
    configured: () => ({ minimumBackups: 1, timeZone: 'UTC' }),
    isRetired: false,
    isDryRun: false,
    now,
    log: silentLog,
    signal,
  });
  return repositories[0]?.failures ?? [];
}

/** Keys without the notes: a killed run has announced more than once what went. */
async function keysOf({ store }: Repository): Promise<string[]> {
  const keys: string[] = [];
  for await (const entry of store.list({ prefix: '', signal }))
    if ('key' in entry && !entry.key.includes('/notes/')) keys.push(entry.key);
  return keys;
}

it(`killed at ${points} random points it leaves everything whole, and the next run finishes`, async () => {
  const objects = await template();
  const unharmed = await restored(objects);
  const counted = dyingStore(unharmed.store, Number.POSITIVE_INFINITY, 1);
  assert.deepEqual(await run(unharmed, counted.store), []);
  const finished = await keysOf(unharmed);
  const total = counted.requests();
  assert.ok(total > 30, `${total} requests`);
  for (let point = 0; point < points; point++) {
    const repository = await restored(objects);
    // Each request in turn, and within it each share of its keys.
    const dying = dyingStore(repository.store, 1 + (point % total), Math.random());
    await run(repository, dying.store).catch(() => undefined);
    await assertWhole(repository, { kept: idOf(4), last: 40n });
    assert.deepEqual(await run(repository), [], `after a death at request ${1 + (point % total)}`);
    await assertWhole(repository, { kept: idOf(4), last: 40n });
    assert.deepEqual(await keysOf(repository), finished, `after a death at request ${1 + (point % total)}`);
  }
});
