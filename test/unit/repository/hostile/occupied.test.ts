/** Keys that somebody has taken before the host writes there: the writer neither fails for ever nor is without effect. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'vitest';
import { writeBackupRecord } from '../../../../src/repository/format/catalog.ts';
import { ensureClusterRecord, readClusterRecord } from '../../../../src/repository/format/cluster-record.ts';
import type { BackupRecord } from '../../../../src/repository/format/backup-record.ts';
import {
  clusterRecordKey,
  commitRecordKey,
  noteKey,
  signatureKey,
  walKey,
} from '../../../../src/repository/format/layout.ts';
import { highWaterNote } from '../../../../src/repository/format/notes/high-water.ts';
import { lostWalNote } from '../../../../src/repository/format/notes/lost-wal.ts';
import { writeNote } from '../../../../src/repository/format/notes/note.ts';
import { findUnarchived } from '../../../../src/repository/wal/unarchived.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { surveySystem } from '../../../../src/repository/survey.ts';
import { backupId, commitBackup } from '../../../support/copied-repository.ts';
import { makeSignedArchive, plant, type SignedArchive } from '../../../support/hostile/archive.ts';
import { archiveSegment, geometry, overrideStore, signal, system } from '../../../support/site/archive.ts';
import { walFile } from '../../../support/wal/wal.ts';
import { WalGeometry } from '../../../../src/postgres/wal/geometry.ts';

let archive: SignedArchive;
let required: Repository;
beforeEach(async () => {
  archive = await makeSignedArchive();
  required = archive.as('require');
});

const survey = (repository = required) => surveySystem(repository, system, signal);
const recordKey = commitRecordKey(system, backupId);
const mark = { timeline: 1, segment: 0x40n };
const markKey = noteKey(system, 'high-water', geometry.nameOf(1, mark.segment), 'high-water');

describe.each([
  ['the object', (key: string) => [key]],
  ['the signature', (key: string) => [signatureKey(key)]],
  ['both', (key: string) => [key, signatureKey(key)]],
])('%s, planted before', (_, keysOf) => {
  const plantAt = async (key: string) => {
    for (const one of keysOf(key)) await plant(required, one, '{"planted":1}');
  };

  it.each(['require', 'warn', 'off'] as const)('the record of a backup counts, under %s', async policy => {
    await plantAt(recordKey);
    await commitBackup(archive.as(policy));
    assert.deepEqual(
      (await survey().believedBackups()).map(({ record }) => record.id),
      [backupId],
    );
  });

  it('a note on what is archived counts', async () => {
    await plantAt(markKey);
    await writeNote(required, system, highWaterNote(mark, geometry), signal);
    const [found] = await survey().highWater(geometry);
    assert.equal(found?.segment, mark.segment);
  });

  it.each(['require', 'warn'] as const)('cluster.json is the first push’s, under %s', async policy => {
    const key = clusterRecordKey(system);
    await required.store.delete([key, signatureKey(key)], { signal });
    if (policy === 'warn' && keysOf(key).includes(key)) return;
    await plantAt(key);
    const record = { postgresMajor: 15, geometry, blockSizeBytes: 8192 };
    await ensureClusterRecord(archive.as(policy), system, record, signal);
    const found = await readClusterRecord(required.store, system, signal);
    assert.equal(found?.geometry.segmentSizeBytes, geometry.segmentSizeBytes);
  });
});

it('a record that a trusted signer signed is not replaced', async () => {
  await commitBackup(required);
  const [entry] = await survey().believedBackups();
  const record = { ...entry?.record, label: 'another' } as BackupRecord;
  await assert.rejects(writeBackupRecord(required, system, record, signal), { kind: 'exists' });
});

it('a note whose signature somebody was quick to plant goes under another name', async () => {
  let planted = 0;
  const { store } = required;
  const racing = overrideStore(store, {
    put: async (key, body, options) => {
      if (key.endsWith('.sig') && planted++ === 0) await plant(required, key, 'junk');
      await store.put(key, body, options);
    },
  });
  const at = new Date(0);
  const lost = { timeline: 1, first: 7n, last: 8n, lostFrom: at, lostTo: at, host: 'db1' };
  const note = lostWalNote({ ...lost, backlogBytes: 1, limitBytes: 1, reason: 'full' }, geometry);
  await writeNote({ ...required, store: racing }, system, note, signal);
  assert.equal((await survey().lostWal(geometry)).length, 1);
});

describe('cluster.json that says another segment size', () => {
  const record = { postgresMajor: 15, geometry, blockSizeBytes: 8192 };
  const lie = JSON.stringify({
    format: 1,
    systemId: String(system.systemId),
    postgresMajor: 15,
    segmentSizeBytes: 64 * 1024 ** 2,
    blockSizeBytes: 8192,
  });

  it.each([lie, '{"format":', ' '.repeat(100_000)])('stops no push, and is put right: %.20s', async text => {
    await plant(required, clusterRecordKey(system), text, { replace: true });
    await ensureClusterRecord(required, system, record, signal);
    const found = await readClusterRecord(required.store, system, signal);
    assert.equal(found?.geometry.segmentSizeBytes, geometry.segmentSizeBytes);
  });

  it('is believed where this host’s own record says so', async () => {
    const key = clusterRecordKey(system);
    await required.store.delete([key], { signal });
    await ensureClusterRecord(
      required,
      system,
      { ...record, geometry: new WalGeometry(64 * 1024 ** 2) },
      signal,
    );
    await assert.rejects(ensureClusterRecord(required, system, record, signal), { code: 'invalid-file' });
  });

  it('does not decide where a believed backup says another', async () => {
    await commitBackup(required);
    await plant(required, clusterRecordKey(system), lie, { replace: true });
    assert.equal((await survey().geometry())?.segmentSizeBytes, geometry.segmentSizeBytes);
  });
});

it('a planted segment is not archived, for a backup that waits for it and a loss to be noted', async () => {
  for (const segment of [4n, 5n]) await archiveSegment(required, 1, segment);
  await plant(required, walKey(system, walFile(geometry.nameOf(1, 6n))), 'junk');
  const range = { timeline: 1, first: 4n, last: 7n };
  const found = await findUnarchived(required, system, range, { geometry, signal });
  assert.deepEqual(found, [{ timeline: 1, first: 6n, last: 7n }]);
});
