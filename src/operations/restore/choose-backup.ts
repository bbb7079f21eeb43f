/**
 * The choice of backups for a timeline and a target, ordered by LSN along the timeline's history, never by id. Pure.
 */
import { WalvaultError } from '../../base/errors/errors.ts';
import { formatLsn } from '../../postgres/wal/lsn.ts';
import { switchpointOf, timelineOfLsn } from '../../postgres/wal/timeline-history.ts';
import type { BackupRecord } from '../../repository/format/backup-record.ts';
import { historyFromTree } from '../../repository/wal/timelines.ts';
import type { RestoreRequest } from './request.ts';
import type { RestoreSurvey } from './survey.ts';
import { describeTarget, type RestoreTarget } from './target.ts';
import { formatMicros, microsOf } from '../../postgres/wal/timestamp.ts';

/** @throws WalvaultError `not-found` */
export function findBackup(survey: RestoreSurvey, id: string): BackupRecord {
  const found = survey.backups.find(backup => backup.id === id);
  if (found !== undefined) return found;
  throw new WalvaultError('not-found', `backup ${id} is not in the catalogue`, {
    hint: '`walvault list` shows the backups of this repository.',
  });
}

/** Backups from which a recovery can follow `timeline`, oldest first. */
export function backupsOn(survey: RestoreSurvey, timeline: number): BackupRecord[] {
  const history = historyFromTree(survey.tree, timeline);
  return survey.backups
    .filter(
      backup =>
        timelineOfLsn(history, timeline, backup.startLsn) === backup.timeline &&
        backup.walRanges.every(range => {
          const left = switchpointOf(history, range.timeline);
          return range.timeline === timeline || (left !== undefined && range.endLsn <= left);
        }),
    )
    .toSorted((a, b) => Number(a.stopLsn - b.stopLsn));
}

/**
 * Backups that the request allows and that end before the target, as far as that is known without reading WAL, newest
 * first.
 * @throws WalvaultError `target` without such a backup, naming the oldest possible target
 */
export function backupsBefore(
  survey: RestoreSurvey,
  request: RestoreRequest,
  timeline: number,
): readonly [BackupRecord, ...BackupRecord[]] {
  const { target, backupId } = request;
  const onTimeline = backupsOn(survey, timeline);
  const allowed = backupId === undefined ? onTimeline : onTimeline.filter(({ id }) => id === backupId);
  const oldest = allowed[0];
  if (oldest === undefined)
    throw new WalvaultError(
      'target',
      `${backupId === undefined ? 'no backup lies' : `backup ${backupId} does not lie`} on the way to timeline ${timeline}`,
      { hint: '`walvault list` shows each backup with its timeline.' },
    );
  const [newest, ...older] = allowed.filter(backup => endsBefore(backup, target)).reverse();
  if (newest === undefined) throw tooNew(request, timeline, oldest, onTimeline);
  return [newest, ...older];
}

/**
 * True if recovery is consistent when it reaches the target; also true for a target whose position only WAL can tell.
 */
export function endsBefore(backup: BackupRecord, target: RestoreTarget): boolean {
  if (target.kind === 'time') return microsOf(backup.stopTime) <= target.timeMicros;
  return target.kind !== 'lsn' || backup.stopLsn <= target.lsn;
}

function tooNew(
  { target, backupId }: RestoreRequest,
  timeline: number,
  oldest: BackupRecord,
  onTimeline: readonly BackupRecord[],
): WalvaultError {
  const wanted = describeTarget(target);
  if (backupId === undefined) {
    return new WalvaultError(
      'target',
      `${wanted} is before the end of the oldest backup on timeline ${timeline}, ${oldest.id}`,
      { hint: `The oldest possible target is ${endOf(oldest, target)}.` },
    );
  }
  const better = onTimeline.findLast(backup => endsBefore(backup, target));
  return new WalvaultError(
    'target',
    `backup ${backupId} ended at ${endOf(oldest, target)}, after ${wanted}: it is too new`,
    {
      hint:
        better === undefined
          ? 'No backup is old enough for this target.'
          : `Backup ${better.id} is old enough; without --backup it is chosen.`,
    },
  );
}

function endOf(backup: BackupRecord, target: RestoreTarget): string {
  if (target.kind === 'lsn') return formatLsn(backup.stopLsn);
  return formatMicros(microsOf(backup.stopTime));
}
