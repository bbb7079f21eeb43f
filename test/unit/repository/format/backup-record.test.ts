import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { WalGeometry } from '../../../../src/postgres/wal/geometry.ts';
import {
  isBackupId,
  newBackupId,
  type BackupRecord,
} from '../../../../src/repository/format/backup-record.ts';
import { readCatalog, writeBackupRecord } from '../../../../src/repository/format/catalog.ts';
import {
  decodeBackupRecord,
  encodeBackupRecord,
} from '../../../../src/repository/format/backup-record-json.ts';
import { commitRecordKey } from '../../../../src/repository/format/layout.ts';
import { makeRepository, signal, system } from '../../../support/site/archive.ts';

const record: BackupRecord = {
  id: '20261122T020000Z-full-3f2a91',
  type: 'full',
  parent: undefined,
  systemId: system.systemId,
  serverVersion: 150_006,
  walvaultVersion: '0.1.0',
  label: 'nightly',
  backupFrom: 'primary',
  startTime: new Date('2026-11-22T02:00:00Z'),
  stopTime: new Date('2026-11-22T02:10:00Z'),
  timeline: 1,
  startLsn: 0x2000028n,
  stopLsn: 0x3000100n,
  walRanges: [{ timeline: 1, startLsn: 0x2000028n, endLsn: 0x3000100n }],
  geometry: new WalGeometry(16 * 1024 ** 2),
  dataChecksums: true,
  damagedPages: 0,
  fileCount: 3,
  sizeBytes: 12_345,
  tablespaces: [{ oid: 16_385, location: '/srv/ts' }],
  externalFiles: ['/etc/postgresql/15/main/pg_hba.conf'],
  manifest: { name: 'manifest.ndjson.zst.pgp', storedSizeBytes: 10, storedSha256: 'ab'.repeat(32) },
  parts: [
    { number: 1, name: 'parts/000001.tar.zst.pgp', storedSizeBytes: 20, storedSha256: 'cd'.repeat(32) },
  ],
};

describe('a commit record', () => {
  it('comes back as it was written', () => {
    assert.deepEqual(decodeBackupRecord(encodeBackupRecord(record), 'x'), record);
  });

  it('has, where it is known, the mode of the data directory, recipients, links that were followed, and tablespaces inside it at safe paths only', () => {
    const tablespace = { oid: 16_386, location: '/pg/15/spaces/near', insidePath: 'spaces/near' };
    const odd = {
      ...record,
      tablespaces: [...record.tablespaces, tablespace],
      dataDirectoryMode: 0o750,
      recipients: ['ab'.repeat(20)],
      links: [{ path: 'base/16399', location: '/mnt/fast/16399' }],
    };
    assert.deepEqual(decodeBackupRecord(encodeBackupRecord(odd), 'x'), odd);
    const hostile = { ...record, tablespaces: [{ ...tablespace, insidePath: '../elsewhere' }] };
    assert.throws(() => decodeBackupRecord(encodeBackupRecord(hostile), 'x'), { code: 'damaged' });
  });

  it('is refused when any field is missing or of another kind', () => {
    const json = JSON.parse(encodeBackupRecord(record).toString()) as Record<string, unknown>;
    for (const field of Object.keys(json)) {
      const { [field]: _, ...rest } = json;
      if (field !== 'parent')
        assert.throws(() => decodeBackupRecord(Buffer.from(JSON.stringify(rest)), 'x'), {
          code: 'damaged',
          message: new RegExp(field),
        });
      const wrong = { ...json, [field]: { not: 'this' } };
      assert.throws(
        () => decodeBackupRecord(Buffer.from(JSON.stringify(wrong)), 'x'),
        { code: 'damaged' },
        field,
      );
    }
    for (const name of ['../../other/part.tar', '/etc/passwd', 'parts/../x.tar', 'parts/a/b.tar']) {
      const parts = [{ ...record.parts[0], name }];
      assert.throws(
        () => decodeBackupRecord(Buffer.from(JSON.stringify({ ...json, parts })), 'x'),
        { code: 'damaged' },
        name,
      );
    }
  });

  it('makes the backup exist; one that cannot be read is reported and hides no other', async () => {
    const repository = await makeRepository();
    await writeBackupRecord(repository, system, record, signal);
    await writeBackupRecord(repository, system, record, signal);
    const older = { ...record, id: '20261123T020000Z-full-000000', startLsn: 0x1000028n };
    await writeBackupRecord(repository, system, older, signal);
    const put = (id: string, text: string) =>
      repository.store.put(commitRecordKey(system, id), [Buffer.from(text)], {
        ifAbsent: true,
        objectClass: 'catalog',
        signal,
      });
    await put('20261124T020000Z-full-111111', '{"format":1');
    await put('20261125T020000Z-full-222222', encodeBackupRecord(record).toString());
    const { backups, unreadable } = await readCatalog(repository, system, signal);
    assert.deepEqual(
      backups.map(entry => entry.record.id),
      [older.id, record.id],
      'ordered by LSN, not by id',
    );
    assert.deepEqual(
      backups.map(({ verdict }) => verdict.status),
      ['unsigned', 'unsigned'],
    );
    assert.deepEqual(
      unreadable.map(({ id }) => id),
      ['20261124T020000Z-full-111111', '20261125T020000Z-full-222222'],
    );
    await assert.rejects(writeBackupRecord(repository, system, { ...record, label: 'other' }, signal), {
      kind: 'exists',
    });
  });

  it('has an id that sorts by time', () => {
    const id = newBackupId(new Date('2026-11-22T02:00:00.123Z'), 'full');
    assert.match(id, /^20261122T020000Z-full-[0-9a-f]{6}$/);
    assert.ok(isBackupId(id));
    assert.ok(!isBackupId('../x'));
  });
});
