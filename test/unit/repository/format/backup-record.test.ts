import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import {
  isBackupId,
  newBackupId,
  piecesOf,
  type BackupRecord,
} from '../../../../src/repository/format/backup-record.ts';
import { readCatalog, writeBackupRecord } from '../../../../src/repository/format/catalog.ts';
import {
  decodeBackupRecord,
  encodeBackupRecord,
} from '../../../../src/repository/format/backup-record-json.ts';
import { commitRecordKey } from '../../../../src/repository/format/layout.ts';
import { makeRepository, signal, system } from '../../../support/site/archive.ts';
import { sampleRecord as record } from '../../../support/sample-record.ts';

/** With its parts as plain objects. */
function decoded(data: Buffer): BackupRecord {
  const found = decodeBackupRecord(data, 'x');
  return { ...found, parts: [...found.parts] };
}

describe('a commit record', () => {
  it('keeps its parts in little memory, whatever they are called', () => {
    const part = { storedSizeBytes: 20, storedSha256: 'cd'.repeat(32) };
    const parts = [
      { ...part, number: 1, name: 'parts/000001.tar.zst', plainSizeBytes: 2 ** 40 },
      { ...part, number: 1_000_000, name: 'parts/1000000.tar.zst' },
      { ...part, number: 3, name: 'parts/000003.tar.zst.pgp', plainSizeBytes: 0 },
      { ...part, number: 4, name: 'elsewhere/d.tar' },
    ];
    const found = decodeBackupRecord(encodeBackupRecord({ ...record, parts }), 'x');
    assert.deepEqual([found.parts.length, [...found.parts]], [4, parts]);
    assert.deepEqual(decoded(encodeBackupRecord(found)), { ...record, parts });
  });

  it('comes back as it was written', () => {
    assert.deepEqual(decoded(encodeBackupRecord(record)), record);
  });

  it('has, where it is known, the mode of the data directory, recipients, links that were followed, damaged pages, a name map, until when it is kept, and tablespaces inside it at safe paths only', () => {
    const tablespace = { oid: 16_386, location: '/pg/15/spaces/near', insidePath: 'spaces/near' };
    const odd = {
      ...record,
      tablespaces: [...record.tablespaces, tablespace],
      dataDirectoryMode: 0o750,
      recipients: ['ab'.repeat(20)],
      links: [{ path: 'base/16399', location: '/mnt/fast/16399' }],
      keepUntil: new Date('2026-11-29T02:00:00Z'),
      damagedPages: 1,
      namedDamagedPages: [{ path: 'base/5/16384.1', page: 7 }],
      changesFrom: 'digests' as const,
      audited: { missedPages: 2 },
      names: { ...record.manifest, name: 'names.ndjson.zst.pgp', plainSizeBytes: 2000 },
    };
    assert.deepEqual(
      Array.from(piecesOf(odd), ({ name }) => name),
      [...record.parts, record.manifest, odd.names].map(({ name }) => name),
    );
    assert.deepEqual(decoded(encodeBackupRecord(odd)), odd);
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
      const parts = [{ ...[...record.parts][0], name }];
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
