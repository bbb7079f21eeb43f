import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import {
  describeOverdue,
  findOverdueBackup,
  type BackupRhythm,
} from '../../../src/operations/overdue-backup.ts';
import { sampleRecord } from '../../support/sample-record.ts';

const hour = 3_600_000;
const day = 24 * hour;
const now = new Date('2026-11-30T12:00:00Z');
const ago = (ms: number) => new Date(now.getTime() - ms);

/** A backup that took an hour. */
const backup = (beganMsAgo: number, committedMsAgo = beganMsAgo - hour) => ({
  record: { ...sampleRecord, startTime: ago(beganMsAgo), stopTime: ago(beganMsAgo - hour) },
  verdict: { status: 'unsigned' as const },
  committedAt: ago(committedMsAgo),
});

const daily: BackupRhythm = {
  intervalMs: day,
  backups: [backup(3 * day), backup(5 * hour)],
  firstSeen: ago(90 * day),
  lastArchivedAt: ago(60_000),
  now,
};

describe('a cluster without a backup for too long', () => {
  it.each<[string, Partial<BackupRhythm>, number | undefined]>([
    ['has one in time', {}, undefined],
    ['has one that may still be running', { backups: [backup(day + hour / 2)] }, undefined],
    ['is told of', { backups: [backup(day + 2 * hour)] }, day + 2 * hour],
    ['never had one', { backups: [] }, 90 * day],
    ['never had one, and is new', { backups: [], firstSeen: ago(hour) }, undefined],
    [
      'is told of by its newest backup, in whatever order',
      { backups: [backup(2 * day), backup(9 * day)] },
      2 * day,
    ],
    [
      'has a backup from the future: what counts is when it was committed',
      { backups: [backup(-9 * day, 3 * day)] },
      3 * day,
    ],
    ['expects none', { intervalMs: undefined, backups: [] }, undefined],
    ['archives nothing any more', { backups: [], lastArchivedAt: ago(2 * day) }, undefined],
    ['has archived nothing yet', { backups: [], lastArchivedAt: undefined }, undefined],
  ])('%s', (_, changes, ageMs) => {
    assert.equal(findOverdueBackup({ ...daily, ...changes })?.ageMs, ageMs);
  });

  it('is described in one line', () => {
    const overdue = findOverdueBackup({ ...daily, backups: [backup(3 * day)] });
    assert.equal(
      overdue && describeOverdue(overdue),
      'WAL is archived and the newest backup began 3 d ago: one is expected each 1 d (status.backup-interval)',
    );
  });
});
