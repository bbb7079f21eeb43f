import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'vitest';
import { carryOut, planDeletions, type DeleteOptions } from '../../../../src/operations/delete/delete.ts';
import { highWaterNote } from '../../../../src/repository/format/notes/high-water.ts';
import { pinNote } from '../../../../src/repository/format/notes/pin.ts';
import { writeNote } from '../../../../src/repository/format/notes/note.ts';
import { readCatalog } from '../../../../src/repository/format/catalog.ts';
import { backupsPrefix } from '../../../../src/repository/format/layout.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { StoreError } from '../../../../src/stores/store.ts';
import { backupId, commitBackup } from '../../../support/copied-repository.ts';
import { silentLog } from '../../../support/logs.ts';
import {
  archiveSegment,
  geometry,
  makeRepository,
  overrideStore,
  signal,
  system,
} from '../../../support/site/archive.ts';

const second = '20261123T020000Z-full-3f2a92';
let main: Repository;
let offsite: Repository;

beforeEach(async () => {
  [main, offsite] = [await makeRepository({ name: 'main' }), await makeRepository({ name: 'offsite' })];
  for (const repository of [main, offsite]) {
    for (let number = 1n; number <= 9n; number++) await archiveSegment(repository, 1, number);
    await commitBackup(repository);
    await commitBackup(repository, { id: second, from: 6n, to: 7n });
  }
});

const options = (more: Partial<DeleteOptions> = {}): DeleteOptions => ({
  repositories: [main, offsite],
  cluster: system.cluster,
  id: backupId,
  allowed: { withChildren: false, lastFull: false, unreadable: false },
  now: new Date(),
  log: silentLog,
  signal,
  ...more,
});

async function keysBelow({ store }: Repository, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const entry of store.list({ prefix, signal })) if ('key' in entry) keys.push(entry.key);
  return keys;
}
const idsIn = async (repository: Repository) =>
  (await readCatalog(repository, system, signal)).backups.map(({ record }) => record.id);

describe('delete', () => {
  it('removes the backup everywhere, notes it first, and leaves the WAL to cleanup', async () => {
    const planned = await planDeletions(options());
    assert.deepEqual(await idsIn(main), [backupId, second], 'the plan alone does nothing');
    const deleted = await carryOut(planned, options());
    assert.deepEqual(
      deleted.map(({ repository, removed }) => [repository, removed.backups, removed.failures]),
      [
        ['main', [backupId], []],
        ['offsite', [backupId], []],
      ],
    );
    for (const repository of [main, offsite]) {
      assert.deepEqual(await idsIn(repository), [second]);
      const left = await keysBelow(repository, backupsPrefix(system));
      assert.ok(left.every(key => key.includes(second)));
      assert.equal((await keysBelow(repository, 'orders/7300000000000000001/wal/')).length, 9);
      const notes = await keysBelow(repository, `orders/7300000000000000001/catalog/notes/${backupId}/`);
      assert.match(notes[0] ?? '', /-expiring\.json$/);
    }
    await assert.rejects(planDeletions(options()), { code: 'not-found' });
  });

  it('tidies up nothing else: not the notes that a cleanup would remove', async () => {
    for (const segment of [2n, 5n])
      await writeNote(main, system, highWaterNote({ timeline: 1, segment }, geometry), signal);
    const before = await keysBelow(main, 'orders/7300000000000000001/catalog/notes/');
    await carryOut(await planDeletions(options({ repositories: [main] })), options());
    const after = await keysBelow(main, 'orders/7300000000000000001/catalog/notes/');
    assert.deepEqual(
      before.filter(key => !after.includes(key)),
      [],
    );
  });

  it('goes on after an interruption: the record is gone, the data is not', async () => {
    const denied = new StoreError('denied', 'no permission');
    const stubborn: Repository = {
      ...main,
      store: overrideStore(main.store, {
        delete: async (keys, given) =>
          keys.some(key => key.includes('/parts/'))
            ? keys.map(key => ({ key, error: denied }))
            : await main.store.delete(keys, given),
      }),
    };
    const first = await carryOut(
      await planDeletions(options({ repositories: [stubborn] })),
      options({ repositories: [stubborn] }),
    );
    assert.ok(first[0]?.removed.failures[0]?.includes('no permission'));
    assert.deepEqual(await idsIn(main), [second]);
    const again = await planDeletions(options({ repositories: [main] }));
    assert.deepEqual(again.planned[0]?.plan.refusals, []);
    await carryOut(again, options());
    assert.deepEqual(
      (await keysBelow(main, backupsPrefix(system))).filter(key => key.includes(backupId)),
      [],
    );
  });

  it('does nothing in any repository if one cannot be read, and names it', async () => {
    const away: Repository = {
      ...offsite,
      store: overrideStore(offsite.store, {
        get: () => Promise.reject(new StoreError('unreachable', 'connection refused')),
      }),
    };
    await assert.rejects(planDeletions(options({ repositories: [main, away] })), {
      code: 'unreachable',
      message: /^delete: repository "offsite": connection refused/,
    });
  });

  it('keeps a backup that was pinned after the plan was made', async () => {
    const planned = await planDeletions(options({ repositories: [main] }));
    const by = { user: 'alice', host: 'db1', note: '', until: undefined };
    await writeNote(main, system, pinNote(backupId, { id: 'a1', ...by }), signal);
    const [deleted] = await carryOut(planned, options());
    assert.deepEqual(deleted?.removed.yielded, [backupId]);
    assert.deepEqual(await idsIn(main), [backupId, second]);
  });
});
