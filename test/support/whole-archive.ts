/** What must be there of an archive, whatever a cleanup was kept from doing. */
import assert from 'node:assert/strict';
import { piecesOf } from '../../src/repository/format/backup-record.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { missingPieces } from '../../src/repository/stored-backups.ts';
import { surveySystem } from '../../src/repository/survey.ts';
import { neededSegments } from '../../src/repository/wal/needed.ts';
import { subtract } from '../../src/postgres/wal/segment-range.ts';
import { geometry, signal, system } from './site/archive.ts';

export interface WholeArchive {
  /** The id of the backup that the policy keeps. */
  readonly kept: string;
  /** The newest segment, on timeline 1. */
  readonly last: bigint;
}

/**
 * Every backup that has a record has all of its objects, its WAL and the backups that it builds on; the one that is kept can go
 * on to the end of the archive.
 */
export async function assertWhole(repository: Repository, { kept, last }: WholeArchive): Promise<void> {
  const survey = surveySystem(repository, system, signal);
  const { backups, unreadable } = await survey.catalog();
  assert.deepEqual(unreadable, []);
  const directories = await survey.backupDirectories();
  const { runs } = await survey.wal(geometry);
  const ids = new Set(backups.map(({ record }) => record.id));
  for (const { record } of backups) {
    const sizes = directories.get(record.id)?.sizes ?? new Map<string, number>();
    assert.equal(missingPieces(piecesOf(record), sizes).count, 0, `${record.id} has lost parts`);
    const holes = neededSegments(record).flatMap(range => subtract(range, runs));
    assert.deepEqual(holes, [], `${record.id} has lost WAL`);
    assert.ok(record.parent === undefined || ids.has(record.parent), `${record.id} has lost its parent`);
  }
  const newest = backups.find(({ record }) => record.id === kept);
  assert.ok(newest !== undefined, 'the backup that is kept is gone');
  const toEnd = { timeline: 1, first: geometry.segmentOf(newest.record.startLsn), last };
  assert.deepEqual(subtract(toEnd, runs), []);
}
