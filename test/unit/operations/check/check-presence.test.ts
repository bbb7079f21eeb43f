import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'vitest';
import { Checklist } from '../../../../src/operations/check/checklist.ts';
import { checkPresence } from '../../../../src/operations/check/check-presence.ts';
import { list } from '../../../../src/operations/list/list.ts';
import { renderList } from '../../../../src/cli/render/list.ts';
import { backupPrefix, commitRecordKey, walKey } from '../../../../src/repository/format/layout.ts';
import { anomalyNote } from '../../../../src/repository/format/notes/anomaly.ts';
import { acknowledgedGapNote } from '../../../../src/repository/format/notes/gap-acknowledged.ts';
import { lostWalKind } from '../../../../src/repository/format/notes/lost-wal.ts';
import { walSubject, writeNote } from '../../../../src/repository/format/notes/note.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { surveySystem } from '../../../../src/repository/survey.ts';
import { backupId, commitBackup, partKey } from '../../../support/copied-repository.ts';
import { silentLog } from '../../../support/logs.ts';
import { makeSignedArchive, plant } from '../../../support/hostile/archive.ts';
import { archiveSegment, geometry, makeRepository, signal, system } from '../../../support/site/archive.ts';

const day = 86_400_000;
const newer = '20261123T020000Z-full-3f2a92';
let repository: Repository;

beforeEach(async () => {
  repository = await makeRepository();
  for (let segment = 1n; segment <= 9n; segment++) await archiveSegment(repository, 1, segment);
  await commitBackup(repository);
  await commitBackup(repository, { id: newer, from: 7n, to: 8n });
});

async function checked({ backupIntervalMs, now = new Date() }: Partial<Expected> = {}): Promise<string[]> {
  const lines = new Checklist(() => undefined);
  const status = { backupIntervalMs, maxLagMs: 900_000 };
  const options = { config: { cluster: 'orders', status }, now, log: silentLog, signal };
  await checkPresence(lines, { options, usable: [repository] });
  return lines.lines.map(({ status, message }) => `${status} ${message}`);
}

interface Expected {
  readonly backupIntervalMs: number;
  readonly now: Date;
}

async function listed(what: 'all' | 'backups' | 'wal' = 'all', backupIntervalMs?: number): Promise<string> {
  const options = { repositories: [repository], cluster: 'orders', backupIntervalMs, signal };
  return renderList(await list({ ...options, what }));
}

const removeWal = (...segments: bigint[]) =>
  repository.store.delete(
    segments.map(segment => walKey(system, geometry.fileOf(1, segment))),
    { signal },
  );

describe('check and list', () => {
  it('say of a sound archive that all is there', async () => {
    assert.deepEqual(await checked(), [
      'ok every object of 2 backups is there, and so is all WAL that is known to have existed',
    ]);
    assert.doesNotMatch(await listed(), /missing|lacks/);
  });

  it('tell of a cluster that archives WAL and has had no backup for too long', async () => {
    // The backups of this archive began in November 2026, and its WAL is archived now.
    const now = new Date(Math.max(Date.now(), Date.UTC(2026, 10, 25)));
    const [, overdue] = await checked({ backupIntervalMs: 60_000, now: new Date(now.getTime() + 600_000) });
    assert.match(
      overdue ?? '',
      /^warn WAL is archived and the newest backup began .* ago: one is expected each 1 min /,
    );
    assert.equal((await checked({ backupIntervalMs: 365_000 * day, now })).length, 1);
  });

  it('tell what of a backup falls out of the history of its cluster', async () => {
    const figures = { usual: 4100, lowest: 3280, highest: 5125, comparedWith: 12 };
    const note = anomalyNote(newer, [{ measure: 'ratio', value: 1020, ...figures }]);
    await writeNote(repository, system, note, signal);
    const description = 'its compression ratio is 1.02, and that of 12 earlier backups was 4.10';
    assert.deepEqual((await checked()).slice(1), [
      `warn backup ${newer} is out of the ordinary: ${description}`,
    ]);
    const text = await listed();
    assert.match(text, /unusual ratio/);
    assert.ok(text.includes(`backup ${newer}: ${description}\n`), text);
  });

  it('name a record that somebody has planted, and call nothing broken for it', async () => {
    const required = (await makeSignedArchive()).as('require');
    await plant(required, commitRecordKey(system, newer), '{"format":');
    repository = required;
    const [only, ...others] = await checked();
    assert.match(only ?? '', /^warn 1 object counts for nothing: .*3f2a92\.json cannot be used: .*not JSON$/);
    assert.deepEqual(others, []);
  });

  it('name a part that is gone, and the backup', async () => {
    await repository.store.delete([partKey(2)], { signal });
    assert.deepEqual(await checked(), [
      `fail backup ${backupId} cannot be restored: parts/000002.tar is missing`,
    ]);
    for (const what of ['all', 'backups'] as const) {
      assert.match(
        await listed(what),
        new RegExp(`backup ${backupId} is not whole: parts/000002.tar is missing`),
      );
      assert.match(await listed(what), /1 object missing/);
    }
  });

  it('call a backup without its name map restorable', async () => {
    await repository.store.delete([`${backupPrefix(system, newer)}names.ndjson`], { signal });
    assert.deepEqual(await checked(), [
      `warn backup ${newer} can be restored, and has lost its name map: names.ndjson is missing`,
    ]);
    assert.match(await listed('backups'), /1 object missing/);
  });

  it('name the damaged pages of a backup, and warn while no newer one is without', async () => {
    const namedDamagedPages = Array.from({ length: 12 }, (_, page) => ({ path: 'base/5/16384', page }));
    const damage = { damagedPages: 300, namedDamagedPages };
    const damaged = '20261124T020000Z-full-3f2a93';
    await commitBackup(repository, { id: damaged, from: 8n, to: 9n, damage });
    const says = /has 300 damaged pages: base\/5\/16384, page 0; .*page 9; 290 more/;
    const [sound, warned] = await checked();
    assert.match(sound ?? '', /^ok every object of 3 backups/);
    assert.match(warned ?? '', new RegExp(`^warn the newest backup, ${damaged}, ${says.source}`));
    assert.match(await listed('backups'), new RegExp(`\nbackup ${damaged} ${says.source}\n`));
    assert.match(await listed('backups'), / 300 damaged pages\n/);
    await commitBackup(repository, { id: '20261125T020000Z-full-3f2a94', from: 9n, to: 9n });
    assert.deepEqual((await checked()).length, 1);
  });

  it('see that the tail of the archive is gone, from a place between two backups on', async () => {
    await removeWal(6n, 7n, 8n, 9n);
    const [backup, gap] = await checked();
    assert.match(backup ?? '', new RegExp(`^fail backup ${newer} .*its WAL 0+100+7 to`));
    assert.match(
      gap ?? '',
      new RegExp(`^fail WAL 0+100+6 to 0+100+8 .* is missing: backup ${newer} was taken`),
    );
    assert.match(await listed('wal'), / 3\ntimeline 1 lacks 0+100+6..0+100+8 \(3 segments\): backup/);
    assert.match(await listed('backups'), new RegExp(`backup ${newer} needs 0+100+7..0+100+8`));
  });

  it('warn of a gap that a backup lies beyond, and keep to themselves one before the oldest', async () => {
    await removeWal(2n, 5n);
    const [gap, ...more] = await checked();
    assert.match(gap ?? '', /^warn WAL 0+100+5 is missing: later segments are archived/);
    assert.deepEqual(more, []);
  });

  it('show who accepted a gap', async () => {
    await removeWal(5n);
    const by = { user: 'alice', host: 'db1', reason: 'ticket 7' };
    const note = acknowledgedGapNote({ timeline: 1, first: 5n, last: 5n }, geometry, by);
    await writeNote(repository, system, note, signal);
    const [sound, gap] = await checked();
    assert.match(sound ?? '', /^ok every object/);
    assert.match(gap ?? '', /^ok WAL 0+100+5 is missing.*alice on db1 acknowledged the loss .*: ticket 7/);
    assert.match(await listed('wal'), / 1\ntimeline 1 lacks 0+100+5: .*alice on db1 acknowledged the loss/);
  });

  it('leave what was given up to its own lines', async () => {
    await removeWal(5n);
    const name = geometry.nameOf(1, 5n);
    const body = { first: name, last: name };
    await writeNote(repository, system, { subject: walSubject(1), kind: lostWalKind, body }, signal);
    assert.deepEqual((await checked()).length, 1);
    assert.match((await checked())[0] ?? '', /^ok/);
  });

  it('show who accepted what was given up, which then has no line of its own', async () => {
    await removeWal(5n);
    const name = geometry.nameOf(1, 5n);
    const body = { first: name, last: name };
    await writeNote(repository, system, { subject: walSubject(1), kind: lostWalKind, body }, signal);
    const survey = () => surveySystem(repository, system, signal);
    assert.equal((await survey().openLosses(geometry)).length, 1);
    const by = { user: 'alice', host: 'db1', reason: 'ticket 7' };
    const note = acknowledgedGapNote({ timeline: 1, first: 5n, last: 5n }, geometry, by);
    await writeNote(repository, system, note, signal);
    assert.match((await checked())[1] ?? '', /^ok WAL 0+100+5 is missing.*acknowledged the loss/);
    assert.deepEqual(await survey().openLosses(geometry), []);
  });
});
