import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { collect } from '../../../../src/base/bytes/streams.ts';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import type { Log } from '../../../../src/observe/events/events.ts';
import type { ProgressEvent } from '../../../../src/observe/events/run.ts';
import type { SegmentRange } from '../../../../src/postgres/wal/segment-range.ts';
import { silentLog } from '../../../support/logs.ts';
import { backupPrefix, claimKey, commitRecordKey } from '../../../../src/repository/format/layout.ts';
import { acknowledgedGapNote } from '../../../../src/repository/format/notes/gap-acknowledged.ts';
import { highWaterNote } from '../../../../src/repository/format/notes/high-water.ts';
import { lostWalNote } from '../../../../src/repository/format/notes/lost-wal.ts';
import { writeNote } from '../../../../src/repository/format/notes/note.ts';
import { removedWalNote } from '../../../../src/repository/format/notes/removed-wal.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { surveySystem } from '../../../../src/repository/survey.ts';
import { createFaultyStore } from '../../../../src/stores/decorators/faulty-store.ts';
import { createMemoryStore } from '../../../../src/stores/memory/store.ts';
import type { Store } from '../../../../src/stores/store.ts';
import {
  backupId,
  contentOf,
  copyable,
  makeSource,
  partKey,
  prefix,
  run,
  segmentKey,
} from '../../../support/copied-repository.ts';
import { makeSignedArchive, plant } from '../../../support/hostile/archive.ts';
import {
  archiveSegment,
  geometry,
  makeRepository,
  overrideStore,
  plainCodec,
  signal,
  system,
} from '../../../support/site/archive.ts';

async function makeTarget(store?: Store): Promise<Repository> {
  const inner = createMemoryStore({ name: 'offsite' });
  const target = await makeRepository({ name: 'offsite', store: inner, empty: true });
  const { createMarker } = await import('../../../../src/repository/format/marker.ts');
  await createMarker(inner, signal);
  return { ...target, store: store ?? inner };
}

async function shown(repository: Repository) {
  const survey = surveySystem(repository, system, signal);
  const words = ({ timeline, first, last }: SegmentRange) => `${timeline}: ${first}–${last}`;
  return {
    gaps: (await survey.gaps(geometry)).map(gap => `${words(gap)}${gap.acknowledged ? ' accepted' : ''}`),
    missing: (await survey.missingWal(geometry)).map(words),
  };
}

describe('copy', () => {
  it('copies all with its metadata, but no note on what the source removed; a second run finds all there', async () => {
    const [source, target] = [await makeSource(), await makeTarget()];
    const first = await run(source, target);
    assert.deepEqual(await contentOf(target), copyable(await contentOf(source)));
    assert.deepEqual([first.conflicts, first.failures], [[], []]);
    assert.deepEqual(first.backups, [{ id: backupId, outcome: 'copied', reason: undefined }]);
    const again = await run(source, target);
    assert.equal(again.copied.objects, 0);
    assert.deepEqual(again.backups, [{ id: backupId, outcome: 'present', reason: undefined }]);
  });

  it('what shows in the source that WAL existed shows it in the copy', async () => {
    const note = (timeline: number, segment: bigint) => highWaterNote({ timeline, segment }, geometry);
    const at = new Date('2026-11-22T03:00:00Z');
    const reason = 'no answer';
    const loss = { lostFrom: at, lostTo: at, host: 'db1', backlogBytes: 2, limitBytes: 1, reason };
    const lost = { timeline: 2, first: 11n, last: 12n, ...loss };
    for (const kind of ['everything', 'wal'] as const) {
      const [source, target] = [await makeSource(), await makeTarget()];
      await archiveSegment(source, 3, 20n);
      const removed = removedWalNote({ timeline: 4, first: 1n, last: 9n }, geometry, []);
      const by = acknowledgedGapNote({ timeline: 1, first: 8n, last: 8n }, geometry, {
        user: 'alice',
        host: 'db1',
        reason,
      });
      const notes = [
        note(1, 2n),
        note(1, 8n),
        note(3, 21n),
        note(4, 7n),
        removed,
        by,
        lostWalNote(lost, geometry),
      ];
      for (const one of notes) await writeNote(source, system, one, signal);
      // The copy may have been told on its own.
      await run(source, target, { what: { kind } });
      await writeNote(target, system, note(3, 22n), signal);
      assert.equal((await run(source, target, { what: { kind } })).copied.objects, 0);
      await target.store.delete(
        [`${prefix}catalog/notes/high-water/000000030000000000000016-high-water.json`],
        { signal },
      );
      const [ours, theirs] = await Promise.all([source, target].map(shown));
      assert.deepEqual(ours, {
        gaps: ['1: 7–7', '1: 8–8 accepted', '2: 11–12', '3: 21–21'],
        missing: ['2: 11–12'],
      });
      assert.deepEqual(theirs, ours);
      const marks = await surveySystem(target, system, signal).highWater(geometry);
      assert.deepEqual(
        marks.map(({ timeline, segment }) => [timeline, segment]),
        [
          [1, 8n],
          [3, 21n],
        ],
      );
    }
  });

  it('copies the commit record after all it names', async () => {
    const [source, plain] = [await makeSource(), await makeTarget()];
    const watched = createFaultyStore(plain.store, []);
    await run(source, { ...plain, store: watched });
    const puts = watched.calls.filter(({ method }) => method === 'put').map(({ key }) => key);
    const record = puts.indexOf(commitRecordKey(system, backupId));
    const manifest = puts.indexOf(`${backupPrefix(system, backupId)}manifest.ndjson`);
    assert(record > manifest);
    for (const key of [partKey(1), partKey(2), claimKey(system, backupId)])
      assert(puts.indexOf(key) < manifest);
    for (const number of [3, 4]) assert(puts.indexOf(segmentKey(number)) < record);
  });

  it('wherever it is cut off the target is honest, and running it again completes it', async () => {
    const source = await makeSource();
    const wanted = copyable(await contentOf(source));
    for (let atCall = 1; atCall <= wanted.size; atCall++) {
      const target = await makeTarget();
      const store = createFaultyStore(target.store, [
        { method: 'put', kind: 'unreachable', atCall, times: 99 },
      ]);
      await assert.rejects(run(source, { ...target, store }), /injected unreachable/);
      const content = await contentOf(target);
      if (content.has(commitRecordKey(system, backupId)))
        for (const key of [partKey(1), partKey(2), segmentKey(3), segmentKey(4)]) assert(content.has(key));
      await run(source, target);
      assert.deepEqual(await contentOf(target), wanted);
    }
  });

  it('fills holes, also of a backup that was committed there', async () => {
    const [source, target] = [await makeSource(), await makeTarget()];
    await run(source, target);
    await target.store.delete([segmentKey(2), partKey(2)], { signal });
    const { copied } = await run(source, target);
    assert.equal(copied.objects, 2);
    assert.deepEqual(await contentOf(target), copyable(await contentOf(source)));
  });

  it('copies a backup that has lost its name map, and says so', async () => {
    const [source, target] = [await makeSource(), await makeTarget()];
    await source.store.delete([`${backupPrefix(system, backupId)}names.ndjson`], { signal });
    const { backups, failures } = await run(source, target);
    assert.deepEqual(
      backups.map(({ outcome }) => outcome),
      ['copied'],
    );
    assert.match(failures[0]?.key ?? '', /names\.ndjson$/);
    assert.deepEqual(await contentOf(target), copyable(await contentOf(source)));
  });

  it('tells how far it is, also over what is there already', async () => {
    const [source, target] = [await makeSource(), await makeTarget()];
    for (const isRepeated of [false, true]) {
      let last: ProgressEvent | undefined;
      const log: Log = { emit: event => void (last = event.kind === 'progress' ? event : last) };
      const { copied } = await run(source, target, { log });
      assert.equal(copied.objects > 0, !isRepeated);
      assert.ok((last?.doneObjects ?? 0) >= 10, JSON.stringify(last));
      assert.equal(last?.totalObjects, last?.doneObjects);
      assert.equal(last?.doneBytes, copied.bytes);
    }
  });

  it('reports a conflict, copies the rest, and holds back the backup that needs the segment', async () => {
    const [source, target] = [await makeSource(), await makeTarget()];
    await archiveSegment(target, 1, 4n, 99);
    const result = await run(source, target);
    assert.deepEqual(
      result.conflicts.map(({ key }) => key),
      [segmentKey(4)],
    );
    assert.match(result.backups[0]?.reason ?? '', /000000010000000000000004 could not be copied/);
    const content = await contentOf(target);
    assert(!content.has(commitRecordKey(system, backupId)));
    assert(content.has(segmentKey(6)));
    assert.notEqual(content.get(segmentKey(4)), (await contentOf(source)).get(segmentKey(4)));
  });

  it('a stranger’s object that claims to be the same is a conflict', async () => {
    const source = (await makeSignedArchive()).as('require');
    const target = { ...(await makeTarget()), codec: source.codec };
    await archiveSegment(source, 1, 4n);
    const { sizeBytes = 0, metadata = {} } = (await source.store.head(segmentKey(4), { signal })) ?? {};
    const { signature: _, ...claims } = metadata;
    await plant(target, segmentKey(4), Buffer.alloc(sizeBytes), { metadata: claims });
    const { conflicts } = await run(source, target);
    assert.deepEqual(
      conflicts.map(({ key }) => key),
      [segmentKey(4)],
    );
  });

  it('the same file in another encoding is no conflict', async () => {
    const [source, target] = [await makeSource(), await makeTarget()];
    const { Codec } = await import('../../../../src/repository/encoding/codec.ts');
    const settings = { compressionLevel: 0, verifySignatures: 'off' } as const;
    const uncompressed = new Codec(plainCodec().keyring, settings, silentLog);
    await archiveSegment({ ...target, codec: uncompressed }, 1, 4n);
    const { conflicts, identical } = await run(source, target);
    assert.deepEqual([conflicts, identical], [[], 1]);
  });

  for (const [what, key] of [
    ['part', partKey(2)],
    ['segment that a backup needs', segmentKey(3)],
  ] as const)
    it(`a damaged ${what} is not copied, and neither is the backup; the rest is`, async () => {
      const [source, target] = [await makeSource(), await makeTarget()];
      const { stat, body } = await source.store.get(key, { signal });
      const bytes = await collect(body, 8 * 1024 ** 2);
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      await source.store.put(key, [bytes], {
        ifAbsent: false,
        objectClass: 'wal',
        metadata: stat.metadata,
        signal,
      });
      const { failures, backups } = await run(source, target);
      assert.deepEqual(
        failures.map(failure => failure.key),
        [key],
      );
      assert.match(failures[0]?.problem ?? '', /main: .* is not what was recorded when it was written/);
      assert.equal(backups[0]?.outcome, 'held-back');
      const content = await contentOf(target);
      assert(!content.has(key) && !content.has(commitRecordKey(system, backupId)));
      assert(content.has(segmentKey(6)) && content.has(partKey(1)));
    });

  it('reads back what has no recorded digest', async () => {
    const [source, target] = [await makeSource(), await makeTarget()];
    const key = `${prefix}wal/00000001/00000000/000000010000000000000003.00000028.backup`;
    await source.store.put(key, [Buffer.from('label')], { ifAbsent: true, objectClass: 'wal', signal });
    const lying = overrideStore(target.store, {
      put: (name, body, options) =>
        target.store.put(name, name === key ? [Buffer.from('lable')] : body, options),
    });
    const { failures } = await run(source, { ...target, store: lying });
    assert.deepEqual(
      failures.map(failure => failure.key),
      [key],
    );
  });

  it('a dry run writes nothing and counts the same', async () => {
    const [source, target] = [await makeSource(), await makeTarget()];
    const planned = await run(source, target, { isDryRun: true });
    assert.equal((await contentOf(target)).size, 0);
    const done = await run(source, target);
    assert.equal(planned.copied.objects, done.copied.objects);
    assert.deepEqual(planned.backups, done.backups);
  });

  it('only WAL, or only one backup with the WAL that it needs', async () => {
    const source = await makeSource();
    const wal = await makeTarget();
    await run(source, wal, { what: { kind: 'wal' } });
    const keys = [...(await contentOf(wal)).keys()];
    assert.equal(keys.length, 8);
    assert(keys.every(key => /\/(wal\/|timelines\/|cluster\.json$)/.test(key)));
    const one = await makeTarget();
    await run(source, one, { what: { kind: 'backup', id: backupId } });
    const content = await contentOf(one);
    assert(content.has(commitRecordKey(system, backupId)) && content.has(segmentKey(4)));
    assert(!content.has(segmentKey(1)) && !content.has(segmentKey(5)));
  });

  it('refuses a backup that is not there, a place without a marker, and a copy onto itself', async () => {
    const [source, target] = [await makeSource(), await makeTarget()];
    const rejectsAs = (code: string, work: Promise<unknown>) =>
      assert.rejects(work, error => error instanceof WalvaultError && error.code === code);
    const id = '20261122T020000Z-full-000000';
    await rejectsAs('not-found', run(source, target, { what: { kind: 'backup', id } }));
    const bare = await makeRepository({ name: 'bare', empty: true });
    await rejectsAs('not-a-repository', run(source, bare));
    await rejectsAs('usage', run(source, source));
  });
});
