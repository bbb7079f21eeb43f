import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'vitest';
import { noteKey } from '../../../../../src/repository/format/layout.ts';
import { writeNote } from '../../../../../src/repository/format/notes/note.ts';
import { pinNote, unpinNote } from '../../../../../src/repository/format/notes/pin.ts';
import type { Repository } from '../../../../../src/repository/repository.ts';
import { surveySystem } from '../../../../../src/repository/survey.ts';
import { makeSignedArchive, plant } from '../../../../support/hostile/archive.ts';
import { backupId } from '../../../../support/copied-repository.ts';
import { makeRepository, signal, system } from '../../../../support/site/archive.ts';

const alice = { user: 'alice', host: 'db1' };
const now = new Date('2026-11-22T00:00:00Z');
const day = (number: number) => new Date(now.getTime() + number * 86_400_000);

let repository: Repository;

const pin = (id: string, more: { until?: Date; note?: string } = {}, into = repository) =>
  writeNote(
    into,
    system,
    pinNote(backupId, { id, until: more.until, note: more.note ?? '', ...alice }),
    signal,
  );
const unpin = (ids: string[], into = repository) =>
  writeNote(into, system, unpinNote(backupId, { ids, ...alice }), signal);

async function pins(at = now, of = repository): Promise<string[]> {
  const found = await surveySystem(of, system, signal).pins(at);
  return (found.get(backupId) ?? []).map(({ id }) => id);
}

/** A note that another program wrote. */
const putNote = (time: string, kind: 'pin' | 'unpin', body: object, into = repository) =>
  plant(
    into,
    noteKey(system, backupId, time, kind),
    JSON.stringify({ format: 1, subject: backupId, kind, ...body }),
  );

beforeEach(async () => {
  repository = await makeRepository();
});

describe('a pin', () => {
  it('says who wrote it, until when and why, and counts until then', async () => {
    await pin('a1', { until: day(2), note: 'audit 2026' });
    const found = (await surveySystem(repository, system, signal).pins(now)).get(backupId)?.[0];
    assert.deepEqual(
      [found?.user, found?.host, found?.note, found?.until],
      ['alice', 'db1', 'audit 2026', day(2)],
    );
    assert.deepEqual(await pins(day(1.9)), ['a1']);
    assert.deepEqual(await pins(day(2)), []);
    assert.deepEqual([...(await surveySystem(repository, system, signal).pinned(day(3)))], []);
  });

  it('is taken back by itself: others of the same backup stay, earlier and later ones', async () => {
    await pin('a1');
    await pin('b2');
    await unpin(['a1']);
    assert.deepEqual(await pins(), ['b2']);
    await pin('c3');
    await unpin(['b2']);
    assert.deepEqual(await pins(), ['c3']);
    await unpin(['nothing']);
    assert.deepEqual(await pins(), ['c3']);
  });

  it('of an earlier version has no id and no end, and an unpin that names none takes back all before it', async () => {
    await putNote('20261122T000000000Z', 'pin', {});
    await putNote('20261122T000001000Z', 'pin', { until: 'soon' });
    assert.deepEqual(await pins(day(99)), ['20261122T000000000Z', '20261122T000001000Z']);
    await putNote('20261122T000002000Z', 'unpin', {});
    assert.deepEqual(await pins(), []);
    await putNote('20261122T000003000Z', 'pin', { id: 'd4' });
    await putNote('20261122T000004000Z', 'unpin', { pins: 'd4' });
    assert.deepEqual(await pins(), ['d4'], 'an unpin that names pins wrongly takes back none');
  });

  it('is cut where it is longer than a remark may be', async () => {
    await putNote('20261122T000000000Z', 'pin', { id: 'x'.repeat(5000), note: 'y'.repeat(5000) });
    const found = (await surveySystem(repository, system, signal).pins(now)).get(backupId)?.[0];
    assert.deepEqual([found?.id.length, found?.note.length], [1000, 1000]);
  });

  it('by anybody pins; only a believed note takes one back', async () => {
    const archive = await makeSignedArchive();
    const host = archive.as('require');
    const stranger = archive.as('require', { keys: { signingKey: undefined } });
    await pin('a1', {}, host);
    await pin('s2', {}, stranger);
    await unpin(['a1', 's2'], stranger);
    await putNote('29991122T000000000Z', 'unpin', {}, stranger);
    assert.deepEqual(await pins(now, host), ['a1', 's2']);
    await unpin(['s2'], host);
    assert.deepEqual(await pins(now, host), ['a1']);
  });
});
