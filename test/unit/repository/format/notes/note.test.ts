import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { noteKey } from '../../../../../src/repository/format/layout.ts';
import { writeNote } from '../../../../../src/repository/format/notes/note.ts';
import type { Repository } from '../../../../../src/repository/repository.ts';
import { surveySystem } from '../../../../../src/repository/survey.ts';
import { makeRepository, geometry, signal, system } from '../../../../support/site/archive.ts';

const backupId = '20261122T020000Z-full-3f2a91';

async function putNote({ store }: Repository, name: { subject: string; kind: string }, text: string) {
  const key = noteKey(system, name.subject, '20261122T020000000Z', name.kind);
  await store.put(key, [Buffer.from(text)], { ifAbsent: true, objectClass: 'catalog', signal });
}

describe('a note', () => {
  it('is kept beside others of the same millisecond about the same timeline', async () => {
    const repository = await makeRepository();
    const write = (first: number) =>
      writeNote(repository, system, { subject: 'wal-00000001', kind: 'note', body: { first } }, signal);
    await Promise.all([write(1), write(2), write(3)]);
    const keys: string[] = [];
    for await (const entry of repository.store.list({ prefix: '', signal }))
      if ('key' in entry && entry.key.endsWith('-note.json')) keys.push(entry.key);
    assert.equal(keys.length, 3);
  });

  it('says what its key says, or nothing', async () => {
    const repository = await makeRepository();
    const put = (name: { subject: string; kind: string }, body: { subject: string; kind: string }) =>
      putNote(repository, name, JSON.stringify(body));
    const pin = { subject: backupId, kind: 'pin' };
    await put({ ...pin, subject: 'another' }, pin);
    await put(pin, pin);
    await put({ ...pin, kind: 'unpin' }, pin);
    assert.deepEqual([...(await surveySystem(repository, system, signal).pinned())], [backupId]);
  });

  it('about WAL names a range of one timeline, or counts for nothing; what only tells more may be wrong', async () => {
    const repository = await makeRepository();
    const lost = (subject: string, ends: object) =>
      putNote(
        repository,
        { subject, kind: 'wal-lost' },
        JSON.stringify({ subject, kind: 'wal-lost', host: 7, ...ends }),
      );
    const name = (timeline: number, segment: number) => `0000000${timeline}000000000000000${segment}`;
    await lost('wal-00000001', { first: name(1, 2), last: name(1, 3) });
    await lost('wal-00000002', { first: name(2, 2), last: name(1, 3) });
    await lost('wal-00000003', { first: name(3, 2) });
    await lost('wal-00000004', { first: 4, last: '00000004.history' });
    const losses = await surveySystem(repository, system, signal).lostWal(geometry);
    assert.deepEqual(
      losses.map(({ timeline, first, last, host, backlogBytes }) => [
        timeline,
        first,
        last,
        host,
        backlogBytes,
      ]),
      [[1, 2n, 3n, 'an unknown host', 0]],
    );
  });

  it('that is no JSON object counts for nothing, and is counted', async () => {
    const repository = await makeRepository();
    await putNote(repository, { subject: 'wal-00000001', kind: 'wal-removed' }, '[1');
    const survey = surveySystem(repository, system, signal);
    assert.deepEqual(await survey.removedWal(geometry), []);
    assert.equal(survey.passedOver.count, 1);
    assert.match(survey.passedOver.first[0]?.problem ?? '', /cannot be read: .*not JSON/);
  });
});
