import assert from 'node:assert/strict';
import { beforeAll, describe, it } from 'vitest';
import { list, type ListedKind } from '../../../../src/operations/list/list.ts';
import type { Selection } from '../../../../src/operations/list/selection.ts';
import { writeBackupRecord } from '../../../../src/repository/format/catalog.ts';
import { pinNote } from '../../../../src/repository/format/notes/pin.ts';
import { restorePointNote } from '../../../../src/repository/format/notes/restore-point.ts';
import { writeNote } from '../../../../src/repository/format/notes/note.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { commitBackup } from '../../../support/copied-repository.ts';
import { sampleRecord } from '../../../support/sample-record.ts';
import { archiveSegment, geometry, makeRepository, signal, system } from '../../../support/site/archive.ts';

const id = (day: number, type = 'full') => `202611${day}T020000Z-${type}-abcd`;
const at = (day: number) => new Date(`2026-11-${day}T02:00:00Z`);
const alice = { user: 'alice', host: 'db1' };
let repository: Repository;

/** Backups of the 20th to 22nd: the last one builds on the first. */
beforeAll(async () => {
  repository = await makeRepository();
  const commit = (day: number, sizeBytes: number, more: Partial<typeof sampleRecord> = {}) =>
    writeBackupRecord(
      repository,
      system,
      {
        ...{ ...sampleRecord, id: id(day), sizeBytes, startTime: at(day) },
        stopTime: new Date(at(day).getTime() + (30 - day) * 1000),
        ...more,
      },
      signal,
    );
  await commit(20, 3000);
  await commit(21, 1000);
  await commit(22, 2000, { id: id(22, 'incr'), type: 'incremental', parent: id(20) });
  const pin = { id: 'p1', until: at(25), note: 'audit', ...alice };
  await writeNote(repository, system, pinNote(id(21), pin), signal);
});

const listed = async (selection: Selection, now = at(23)) => {
  const given = { repositories: [repository], cluster: system.cluster, now, signal };
  const [found] = await list({ ...given, what: 'backups', selection });
  return found?.systems[0]?.backups?.map(({ record }) => Number(record.id.slice(6, 8)));
};

describe('a listing shows', () => {
  it('the backups of a time, a type, or those that are pinned now', async () => {
    assert.deepEqual(await listed({ since: at(21) }), [21, 22]);
    assert.deepEqual(await listed({ until: at(21) }), [20]);
    assert.deepEqual(await listed({ type: 'incremental' }), [22]);
    assert.deepEqual(await listed({ isPinned: true }), [21]);
    assert.deepEqual(await listed({ isPinned: true }, at(26)), [], 'the pin has ended');
    assert.deepEqual(await listed({ systemId: system.systemId }), [20, 21, 22]);
    await assert.rejects(listed({ systemId: 1n }), { code: 'not-found', message: /no system 1/ });
  });

  it('them in the order that is asked for', async () => {
    assert.deepEqual(await listed({ sort: 'size' }), [21, 22, 20]);
    assert.deepEqual(await listed({ sort: 'size', isReversed: true }), [20, 22, 21]);
    assert.deepEqual(await listed({ sort: 'duration' }), [22, 21, 20]);
    assert.deepEqual(await listed({ sort: 'time', isReversed: true }), [22, 21, 20]);
    assert.deepEqual(await listed({ sort: 'ratio' }), [21, 22, 20]);
    assert.deepEqual(await listed({ sort: 'name' }), [20, 21, 22]);
  });
});

describe('restore points are listed', () => {
  const listedPoints = async (
    from: Repository,
    selection: Selection = {},
    what: ListedKind = 'restore-points',
  ) => {
    const given = { repositories: [from], cluster: system.cluster, signal };
    const [found] = await list({ ...given, what, selection });
    return found?.systems[0]?.restorePoints;
  };
  const note = (into: Repository, name: string, segment: number, day: number) =>
    writeNote(
      into,
      system,
      restorePointNote({
        ...{ name, timeline: 1, madeAt: at(day), ...alice },
        lsn: geometry.startLsn(BigInt(segment)) + 200n,
      }),
      signal,
    );

  it('with whether a restore can still stop there', async () => {
    const archive = await makeRepository();
    for (let number = 1n; number <= 6n; number++) await archiveSegment(archive, 1, number);
    await archiveSegment(archive, 1, 8n);
    await commitBackup(archive, { from: 3n, to: 4n });
    await note(archive, 'late', 9, 24);
    await note(archive, 'twice', 5, 22);
    await note(archive, 'twice', 6, 23);
    await note(archive, 'early', 2, 20);
    await note(archive, 'in a hole', 7, 23);
    const points = await listedPoints(archive);
    assert.deepEqual(
      points?.map(({ name, restorable, sameNameCount }) => [name, restorable.state, sameNameCount]),
      [
        ['early', 'gone', 1],
        ['twice', 'yes', 2],
        ['twice', 'yes', 2],
        ['in a hole', 'gone', 1],
        ['late', 'not-yet', 1],
      ],
    );
    assert.deepEqual(
      (await listedPoints(archive, { since: at(23), sort: 'name' }))?.map(({ name }) => name),
      ['in a hole', 'late', 'twice'],
    );
    assert.equal(await listedPoints(archive, {}, 'all'), undefined);
  });

  it('also without a backup, and nothing is said of junk', async () => {
    const archive = await makeRepository();
    await note(archive, 'here', 5, 22);
    const junk = { subject: 'restore-points', kind: 'restore-point' } as const;
    for (const body of [{}, { name: 'x', timeline: 1, lsn: 'z' }, { name: 'x', timeline: 0, lsn: '0/1' }])
      await writeNote(archive, system, { ...junk, body }, signal);
    const points = await listedPoints(archive);
    assert.deepEqual(
      points?.map(({ name, lsn, restorable }) => [name, lsn, restorable.state]),
      [['here', '0/5000C8', 'gone']],
    );
  });
});
