import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'vitest';
import { acknowledgeGaps } from '../../../../src/operations/gap/acknowledge.ts';
import type { AcknowledgeOptions } from '../../../../src/operations/gap/options.ts';
import { removedWalNote } from '../../../../src/repository/format/notes/removed-wal.ts';
import { writeNote } from '../../../../src/repository/format/notes/note.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { surveySystem } from '../../../../src/repository/survey.ts';
import { StoreError } from '../../../../src/stores/store.ts';
import { makeSignedArchive } from '../../../support/hostile/archive.ts';
import { commitBackup } from '../../../support/copied-repository.ts';
import { silentLog } from '../../../support/logs.ts';
import {
  archiveFile,
  archiveSegment,
  geometry,
  makeRepository,
  overrideStore,
  signal,
  system,
} from '../../../support/site/archive.ts';

const by = { user: 'alice', host: 'db1', reason: 'ticket 7' };
const name = (timeline: number, segment: number) => geometry.nameOf(timeline, BigInt(segment));

let repository: Repository;

beforeEach(async () => {
  repository = await makeRepository();
  for (const segment of [1n, 2n, 5n]) await archiveSegment(repository, 1, segment);
  await commitBackup(repository, { from: 7n, to: 8n });
});

const accept = (options: Partial<AcknowledgeOptions>) =>
  acknowledgeGaps({
    repositories: [repository],
    cluster: system.cluster,
    systemId: undefined,
    timeline: undefined,
    first: undefined,
    last: undefined,
    by,
    log: silentLog,
    signal,
    ...options,
  });

const ranges = async (options: Partial<AcknowledgeOptions>) =>
  (await accept(options)).map(({ firstSegment, lastSegment, isNew }) => [firstSegment, lastSegment, isNew]);

describe('gap ack', () => {
  it('accepts the whole gap of a segment, and says so from then on, once', async () => {
    assert.deepEqual(await ranges({ first: name(1, 7) }), [[name(1, 6), name(1, 8), true]]);
    assert.deepEqual(await ranges({ first: name(1, 6) }), [[name(1, 6), name(1, 8), false]]);
    const noted = await surveySystem(repository, system, signal).acknowledgedGaps(geometry);
    assert.deepEqual(
      noted.map(({ first, last, user, host, reason }) => [first, last, user, host, reason]),
      [[6n, 8n, 'alice', 'db1', 'ticket 7']],
    );
  });

  it('accepts what is missing between two segments, and all of a timeline', async () => {
    assert.deepEqual(await ranges({ first: name(1, 1), last: name(1, 6) }), [
      [name(1, 3), name(1, 4), true],
      [name(1, 6), name(1, 6), true],
    ]);
    assert.deepEqual(await ranges({ timeline: 1 }), [
      [name(1, 3), name(1, 4), false],
      [name(1, 6), name(1, 6), false],
      [name(1, 7), name(1, 8), true],
    ]);
  });

  it('accepts what cleanup removed and what a delete marker hides, by name only', async () => {
    await writeNote(
      repository,
      system,
      removedWalNote({ timeline: 3, first: 1n, last: 4n }, geometry, []),
      signal,
    );
    await assert.rejects(ranges({ timeline: 3 }), { code: 'not-found' });
    assert.deepEqual(await ranges({ first: name(3, 2) }), [[name(3, 1), name(3, 4), true]]);
    const { store } = repository;
    const get: typeof store.get = (key, options) =>
      key.endsWith(name(1, 9))
        ? Promise.reject(new StoreError('absent', 'no such key', { hasDeleteMarker: true }))
        : store.get(key, options);
    const repositories = [{ ...repository, store: overrideStore(store, { get }) }];
    await assert.rejects(ranges({ first: name(1, 9) }), { code: 'not-found' });
    assert.deepEqual(await ranges({ first: name(1, 9), repositories }), [[name(1, 9), name(1, 9), true]]);
  });

  it('accepts what only a fork shows', async () => {
    await archiveFile(repository, '00000005.history', '4\t0/900000\tfailover\n');
    await assert.rejects(ranges({ timeline: 4 }), { code: 'not-found' });
    assert.deepEqual(await ranges({ first: name(4, 3) }), [[name(4, 3), name(4, 3), true]]);
    assert.deepEqual(await ranges({ first: name(4, 3), last: name(4, 12) }), [
      [name(4, 3), name(4, 3), false],
      [name(4, 4), name(4, 8), true],
    ]);
  });

  it('refuses what is not missing, and what names nothing', async () => {
    await assert.rejects(accept({ first: name(1, 2) }), { code: 'not-found' });
    await assert.rejects(accept({ first: name(1, 9) }), { code: 'not-found' }, 'it never existed');
    for (const wrong of [
      {},
      { first: 'pg_wal/x' },
      { first: `${name(1, 3)}.partial` },
      { first: name(1, 3), last: '00000002.history' },
      { first: name(1, 3), last: name(2, 4) },
      { first: name(1, 4), last: name(1, 3) },
      { first: name(1, 3), timeline: 2 },
    ])
      await assert.rejects(accept(wrong), { code: 'usage' }, JSON.stringify(wrong));
  });

  it('is written only where it would count', async () => {
    const archive = await makeSignedArchive();
    const signed = archive.as('require');
    for (const segment of [1n, 2n, 5n]) await archiveSegment(signed, 1, segment);
    const unable = [archive.as('require', { keys: { signingKey: undefined } })];
    await assert.rejects(accept({ first: name(1, 3), repositories: unable }), { code: 'key' });
    const found = await ranges({ first: name(1, 3), repositories: [signed] });
    assert.deepEqual(found, [[name(1, 3), name(1, 4), true]]);
  });

  it('goes to each repository that lacks the WAL, and does not wait for one of best effort', async () => {
    const second = await makeRepository({ name: 'second' });
    for (const segment of [1n, 3n]) await archiveSegment(second, 1, segment);
    const away = await makeRepository({ name: 'away', required: false, empty: true });
    const found = await accept({ timeline: 1, repositories: [repository, second, away] });
    assert.deepEqual(
      found.map(({ repository: where, firstSegment }) => [where, firstSegment]),
      [
        ['main', name(1, 3)],
        ['main', name(1, 6)],
        ['second', name(1, 2)],
      ],
    );
    await assert.rejects(accept({ timeline: 1, repositories: [{ ...away, required: true }] }), {
      code: 'not-a-repository',
    });
  });
});
