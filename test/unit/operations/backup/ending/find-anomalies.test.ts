import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { findAnomalies, longestHistory } from '../../../../../src/operations/backup/ending/find-anomalies.ts';
import { newBackupId, type BackupRecord } from '../../../../../src/repository/format/backup-record.ts';
import { sampleRecord } from '../../../../support/sample-record.ts';

const gibibyte = 1024 ** 3;
const minute = 60_000;

interface Figures {
  readonly sizeGib?: number;
  readonly minutes?: number;
  readonly ratio?: number;
  readonly changes?: Partial<BackupRecord>;
}

/** A nightly backup: 100 GiB in 30 minutes, stored in a fourth. */
function night(day: number, { sizeGib = 100, minutes = 30, ratio = 4, changes }: Figures = {}): BackupRecord {
  const startTime = new Date(Date.UTC(2026, 0, day, 2));
  const sizeBytes = Math.round(sizeGib * gibibyte);
  const part = { number: 1, name: 'parts/000001.tar.zst', storedSha256: 'cd'.repeat(32) };
  return {
    ...sampleRecord,
    id: newBackupId(startTime, 'full'),
    startTime,
    stopTime: new Date(startTime.getTime() + minutes * minute),
    sizeBytes,
    manifest: { ...sampleRecord.manifest, storedSizeBytes: 0 },
    parts: [{ ...part, storedSizeBytes: Math.round(sizeBytes / ratio) }],
    ...changes,
  };
}

/** Slightly different every night, as backups are. */
const usual = Array.from({ length: 20 }, (_, index) =>
  night(index + 1, { sizeGib: 100 + (index % 3), minutes: 28 + (index % 5), ratio: 4 + (index % 2) / 20 }),
);

const found = (record: BackupRecord, earlier: readonly BackupRecord[] = usual) =>
  findAnomalies(record, earlier).map(({ measure }) => measure);

describe('what falls out of the history of a cluster', () => {
  it.each<[string, Figures, readonly string[]]>([
    ['nothing, in a night like the others', {}, []],
    ['nothing, where the database has grown by a third', { sizeGib: 133, minutes: 40 }, []],
    ['encrypted pages, which do not compress', { ratio: 1.01 }, ['ratio']],
    ['pages that compress much better: they may be empty', { ratio: 30 }, ['ratio']],
    ['half of the data is gone', { sizeGib: 48 }, ['size']],
    ['three times the data', { sizeGib: 300, minutes: 88 }, ['size']],
    ['a slow night', { minutes: 200 }, ['duration']],
    ['all at once', { sizeGib: 10, minutes: 2, ratio: 1 }, ['size', 'duration', 'ratio']],
  ])('%s', (_, figures, expected) => {
    assert.deepEqual(found(night(31, figures)), expected);
  });

  it('has figures that a person can follow', () => {
    const [ratio] = findAnomalies(night(31, { ratio: 1 }), usual);
    assert.deepEqual(ratio, {
      measure: 'ratio',
      value: 1000,
      usual: 4025,
      lowest: 3220,
      highest: 5031,
      comparedWith: longestHistory,
    });
  });

  it('is not known without enough backups of the same system and type', () => {
    const odd = night(31, { ratio: 1 });
    assert.deepEqual(found(odd, usual.slice(0, 4)), []);
    assert.deepEqual(found(odd, usual.slice(0, 5)), ['ratio']);
    const others = usual.map(record => ({ ...record, systemId: 1n }));
    assert.deepEqual(found(odd, others), []);
    const increments = usual.map(record => ({ ...record, type: 'incremental' as const }));
    assert.deepEqual(found(odd, increments), []);
  });

  it('does not contain the backup itself, nor follow one odd night', () => {
    const odd = night(31, { ratio: 1 });
    assert.deepEqual(found(odd, [odd, ...usual]), ['ratio']);
    assert.deepEqual(found(odd, [odd, ...usual.slice(0, 4)]), []);
    assert.deepEqual(found(night(31), [night(30, { ratio: 1, sizeGib: 1 }), ...usual]), []);
  });

  it('allows more where the history varies widely', () => {
    const wide = usual.map((_, index) => night(index + 1, { minutes: 20 + (index % 6) * 25 }));
    assert.deepEqual(found(night(31, { minutes: 250 }), wide), []);
  });

  it('goes by the newest backups: a lasting change is usual after some time', () => {
    const changed = usual.map((record, index) => (index < 12 ? record : night(index + 1, { ratio: 2 })));
    assert.deepEqual(found(night(31, { ratio: 2 }), changed), []);
    assert.deepEqual(found(night(31), changed), ['ratio']);
  });

  it('leaves out the duration of a backup that went on with an interrupted one, and small differences of it', () => {
    const resumed = { attempt: 2, partCount: 10, storedSizeBytes: 1 };
    assert.deepEqual(found(night(31, { minutes: 1, changes: { resumed } })), []);
    const quick = usual.map((_, index) => night(index + 1, { minutes: 0.1 }));
    assert.deepEqual(found(night(31, { minutes: 0.9 }), quick), []);
  });

  it('is not made of records without figures', () => {
    assert.deepEqual(found(night(31, { sizeGib: 0 })), []);
    assert.deepEqual(found(night(31, { changes: { stopTime: new Date(0) } })), []);
  });
});
