/** The timelines that a restore may follow, and the position where two of them part. Pure. */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { Lsn } from '../../postgres/wal/lsn.ts';
import type { BackupRecord } from '../../repository/format/backup-record.ts';
import { describeUnfollowable, healHistoryHint } from '../../repository/wal/timelines.ts';
import { hasOwnEnd, isAlive, lastWritten } from '../../repository/wal/live-timelines.ts';
import { backupsOn, endsBefore, findBackup } from './choose-backup.ts';
import type { RestoreRequest } from './request.ts';
import type { RestoreSurvey } from './survey.ts';
import type { WalPath } from './wal-path.ts';

/**
 * The timelines to try.
 * @throws WalvaultError `target` for a timeline that the archive does not have, `not-found` without a backup
 */
export function candidateTimelines(survey: RestoreSurvey, request: RestoreRequest): number[] {
  const named = request.backupId === undefined ? undefined : findBackup(survey, request.backupId);
  const known = knownTimelines(survey);
  if (typeof request.timeline === 'number') {
    refuseUnusable(request.timeline, survey);
    refuseUnknown(request.timeline, known);
    return [request.timeline];
  }
  if (named !== undefined && request.target.kind === 'immediate') {
    refuseUnusable(lastTimelineOf(named), survey);
    return [lastTimelineOf(named)];
  }
  if (request.timeline === 'current') return currentTimelines(survey, request, named);
  const usable = known.filter(timeline => {
    const backups = backupsOn(survey, timeline);
    return named === undefined ? backups.length > 0 : backups.includes(named);
  });
  if (usable.length === 0)
    throw new WalvaultError('not-found', 'there is no backup to restore', {
      hint: '`walvault list` shows what the repository has.',
    });
  refuseToChooseAround(survey);
  if (request.timeline === 'latest') return [Math.max(...usable)];
  const { kind } = request.target;
  const tips = usable.filter(timeline =>
    kind === 'end' || kind === 'immediate' ? isAlive(survey, timeline) : hasOwnEnd(survey, timeline),
  );
  if (kind !== 'end' && kind !== 'immediate') return tips;
  // A branch without WAL of its own has nothing that its siblings lack.
  const written = tips.filter(timeline => lastWritten(survey, timeline) !== undefined);
  return written.length > 0 ? written : tips;
}

/**
 * The timeline of the backup: of the named one, or of the newest that ends before the target, as far as that is known
 * without reading WAL.
 */
function currentTimelines(
  survey: RestoreSurvey,
  { target }: RestoreRequest,
  named: BackupRecord | undefined,
): number[] {
  const allowed = named === undefined ? survey.backups : [named];
  const timelines = [...new Set(allowed.map(lastTimelineOf))].toSorted((a, b) => b - a);
  if (named !== undefined) refuseUnusable(lastTimelineOf(named), survey);
  const usable = timelines.filter(timeline => !survey.unusable.has(timeline));
  if (target.kind === 'xid' || target.kind === 'name') return usable;
  const before = usable.find(timeline =>
    allowed.some(backup => lastTimelineOf(backup) === timeline && endsBefore(backup, target)),
  );
  return [before ?? usable[0]].filter(timeline => timeline !== undefined);
}

/** The answer where backups are there, all of them on timelines that their servers left. */
export function noBackupOfLivingBranch(survey: RestoreSurvey): WalvaultError {
  const known = knownTimelines(survey);
  const left = known.filter(timeline => backupsOn(survey, timeline).length > 0);
  const living = known.filter(timeline => !left.includes(timeline));
  return new WalvaultError(
    'target',
    `no backup lies on the way to timeline ${living.join(' or ')}, on which the servers went on`,
    {
      hint: `To restore what was before, name its timeline: ${left.map(timeline => `--target-timeline ${timeline}`).join(' or ')}.`,
    },
  );
}

/** A timeline with its ancestors. */
type Branch = Pick<WalPath, 'timeline' | 'history'>;

/**
 * The position up to which two branches are the same: where the first of them leaves the last timeline that both follow.
 */
export function forkOf(one: Branch, other: Branch): Lsn {
  const a = [...one.history, { timeline: one.timeline, switchpoint: undefined }];
  const b = [...other.history, { timeline: other.timeline, switchpoint: undefined }];
  let fork: Lsn = 0n;
  for (const [index, { timeline, switchpoint }] of a.entries()) {
    const twin = b[index];
    if (twin?.timeline !== timeline) break;
    fork = smaller(switchpoint, twin.switchpoint) ?? fork;
    if (switchpoint !== twin.switchpoint) break;
  }
  return fork;
}

export function lastTimelineOf(backup: BackupRecord): number {
  return backup.walRanges.at(-1)?.timeline ?? backup.timeline;
}

export function knownTimelines({ tree, runs, backups }: RestoreSurvey): number[] {
  const known = new Set<number>();
  for (const [timeline, { parent }] of tree) known.add(timeline).add(parent);
  for (const { timeline } of runs) known.add(timeline);
  for (const backup of backups) known.add(lastTimelineOf(backup));
  return [...known].toSorted((a, b) => a - b);
}

function refuseUnknown(timeline: number, known: readonly number[]): void {
  if (known.includes(timeline)) return;
  throw new WalvaultError('target', `timeline ${timeline} is not in the archive`, {
    hint: known.length === 0 ? undefined : `It has ${known.map(String).join(', ')}.`,
  });
}

function refuseUnusable(timeline: number, { unusable }: RestoreSurvey): void {
  const problem = unusable.get(timeline);
  if (problem !== undefined)
    throw new WalvaultError('damaged', describeUnfollowable(timeline, problem), {
      hint: healHistoryHint(timeline),
    });
}

/**
 * A timeline with WAL of its own may be the right one: another one must not be taken instead without a word. Without WAL
 * there is nothing on it to be missed.
 */
function refuseToChooseAround(survey: RestoreSurvey): void {
  for (const [timeline, problem] of survey.unusable) {
    if (!survey.runs.some(run => run.timeline === timeline)) continue;
    const others = knownTimelines(survey).filter(other => !survey.unusable.has(other));
    throw new WalvaultError(
      'damaged',
      `timeline ${timeline} has WAL in the archive and may be the right one, but its history cannot be read: ${problem}`,
      {
        hint: `To restore another one, name it: --target-timeline ${others.join(' or ')}. ${healHistoryHint(timeline)}`,
      },
    );
  }
}

function smaller(a: Lsn | undefined, b: Lsn | undefined): Lsn | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}
