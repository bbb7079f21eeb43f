import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'vitest';
import { pinBackup } from '../../../../src/operations/pin/pin.ts';
import { unpinBackup } from '../../../../src/operations/pin/unpin.ts';
import type { PinOptions, UnpinOptions } from '../../../../src/operations/pin/options.ts';
import { failureOfSome } from '../../../../src/operations/backup-places.ts';
import { expiringNote } from '../../../../src/repository/format/notes/expiring.ts';
import { writeNote } from '../../../../src/repository/format/notes/note.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { surveySystem } from '../../../../src/repository/survey.ts';
import { StoreError } from '../../../../src/stores/store.ts';
import { backupId, commitBackup } from '../../../support/copied-repository.ts';
import { makeSignedArchive } from '../../../support/hostile/archive.ts';
import { makeRepository, overrideStore, signal, system } from '../../../support/site/archive.ts';

const now = new Date();
let main: Repository;
let offsite: Repository;
let empty: Repository;

beforeEach(async () => {
  main = await makeRepository({ name: 'main' });
  offsite = await makeRepository({ name: 'offsite', required: false });
  empty = await makeRepository({ name: 'empty' });
  for (const repository of [main, offsite]) await commitBackup(repository);
});

const pin = (options: Partial<PinOptions> = {}) =>
  pinBackup({
    repositories: [main, offsite, empty],
    cluster: system.cluster,
    id: backupId,
    until: undefined,
    note: 'audit',
    by: { user: 'alice', host: 'db1' },
    now,
    signal,
    ...options,
  });
const unpin = (options: Partial<UnpinOptions> = {}) =>
  unpinBackup({
    repositories: [main, offsite, empty],
    cluster: system.cluster,
    id: backupId,
    pin: undefined,
    isAll: false,
    by: { user: 'bob', host: 'db2' },
    now: new Date(),
    signal,
    ...options,
  });

const pinsIn = async (repository: Repository) =>
  ((await surveySystem(repository, system, signal).pins()).get(backupId) ?? []).map(({ id }) => id);

/** The same repository, whose notes cannot be written. */
const readOnly = (repository: Repository): Repository => ({
  ...repository,
  store: overrideStore(repository.store, {
    put: () => Promise.reject(new StoreError('denied', 'no permission')),
  }),
});

describe('pin and unpin', () => {
  it('go to each repository that has the backup, and say which has not', async () => {
    const { done, without, failures } = await pin();
    assert.deepEqual(
      done.map(({ repository }) => repository),
      ['main', 'offsite'],
    );
    assert.deepEqual([without, failures], [['empty'], []]);
    const id = done[0]?.pin.id ?? '';
    assert.deepEqual([await pinsIn(main), await pinsIn(offsite)], [[id], [id]]);
    const back = await unpin();
    assert.deepEqual(
      back.done.map(({ repository, takenBack }) => [repository, takenBack.map(({ user }) => user)]),
      [
        ['main', ['alice']],
        ['offsite', ['alice']],
      ],
    );
    assert.deepEqual([await pinsIn(main), await pinsIn(offsite)], [[], []]);
  });

  it('take back one of two pins, which must be named, or both on request', async () => {
    const first = (await pin()).done[0]?.pin.id ?? '';
    const second = (await pin({ note: 'migration' })).done[0]?.pin.id ?? '';
    await assert.rejects(unpin(), {
      code: 'refused',
      message: /has 2 pins: \w+ pinned by alice on db1 .*: audit, \w+ pinned .*: migration$/,
    });
    await assert.rejects(unpin({ pin: 'ffff' }), { code: 'not-found', message: /has no pin ffff/ });
    await unpin({ pin: first });
    assert.deepEqual([await pinsIn(main), await pinsIn(offsite)], [[second], [second]]);
    await pin();
    await unpin({ isAll: true });
    assert.deepEqual([await pinsIn(main), await pinsIn(offsite)], [[], []]);
    await assert.rejects(unpin({ isAll: true }), { code: 'not-found', message: /is not pinned/ });
  });

  it('name the repository that fails, after the others have the note', async () => {
    const { done, failures } = await pin({ repositories: [readOnly(main), offsite] });
    assert.deepEqual(
      [done.map(({ repository }) => repository), failures.map(({ repository }) => repository)],
      [['offsite'], ['main']],
    );
    const error = failureOfSome('pin', failures);
    assert.equal(error?.code, 'denied');
    assert.match(error.message, /^pin: repository "main": no permission/);
    const back = await unpin({ repositories: [main, readOnly(offsite)] });
    assert.match(failureOfSome('unpin', back.failures)?.message ?? '', /repository "offsite"/);
  });

  it('say when a cleanup has announced to remove the backup', async () => {
    await writeNote(main, system, expiringNote(backupId, ['expired']), signal);
    const { done, failures } = await pin();
    assert.deepEqual(
      done.map(({ repository }) => repository),
      ['offsite'],
    );
    assert.match(failures[0]?.error.message ?? '', /a cleanup has announced to remove backup/);
    assert.equal((await pinsIn(main)).length, 1);
  });

  it('refuse what names no backup, is over, or is no remark', async () => {
    await assert.rejects(pin({ id: '../x' }), { code: 'usage', message: /"\.\.\/x" is not the id/ });
    await assert.rejects(pin({ id: '20200101T000000Z-full-abcdef' }), { code: 'not-found' });
    await assert.rejects(unpin({ id: '20200101T000000Z-full-abcdef' }), { code: 'not-found' });
    await assert.rejects(pin({ until: now }), { code: 'usage', message: /is over/ });
    await assert.rejects(pin({ note: 'a\nb' }), { code: 'usage', message: /--note/ });
    await assert.rejects(pin({ note: 'ü'.repeat(501) }), { code: 'usage', message: /1000 bytes/ });
  });

  it('pin without a key, and unpin only with one that is believed', async () => {
    const archive = await makeSignedArchive();
    await commitBackup(archive.as('require'));
    const unable = archive.as('require', { keys: { signingKey: undefined } });
    assert.equal((await pin({ repositories: [unable] })).done.length, 1);
    const { failures } = await unpin({ repositories: [unable] });
    assert.equal(failures[0]?.error.code, 'key');
    assert.equal((await unpin({ repositories: [archive.as('require')] })).done[0]?.takenBack.length, 1);
  });
});
