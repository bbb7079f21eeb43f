/** The proof that the archive leads along one timeline from a backup to the target. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { formatCount } from '../../base/units.ts';
import { clip, count, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import { formatLsn, type Lsn } from '../../postgres/wal/lsn.ts';
import { timelineOfLsn } from '../../postgres/wal/timeline-history.ts';
import type { BackupRecord } from '../../repository/format/backup-record.ts';
import { describeLoss } from '../../repository/wal/lost-wal.ts';
import { historyFromTree } from '../../repository/wal/timelines.ts';
import { lastTimelineOf } from './branches.ts';
import { backupsBefore, backupsOn } from './choose-backup.ts';
import type { RestoreRequest } from './request.ts';
import type { RestoreSurvey } from './survey.ts';
import type { FoundTarget, WalEvidence } from './wal-evidence.ts';
import { describeTarget, type RestoreTarget } from './target.ts';
import { formatMicros, microsOf } from '../../postgres/wal/timestamp.ts';
import { walPath, type WalPath } from './wal-path.ts';

export interface ReachedTarget {
  readonly backup: BackupRecord;
  readonly path: WalPath;
  readonly pieces: readonly SegmentRange[];
  readonly recoveryTimeline: number;
  readonly stopsAt: FoundTarget | undefined;
  readonly lastCommitMicros: bigint | undefined;
}

type TargetOf<Kind extends RestoreTarget['kind']> = RestoreTarget & { kind: Kind };

/**
 * Finds the backup and the WAL for the target on this timeline.
 * @throws WalvaultError `target` or `wal-missing`, saying why this timeline does not lead to the target
 */
export async function reach(
  survey: RestoreSurvey,
  request: RestoreRequest,
  timeline: number,
  evidence: WalEvidence,
): Promise<ReachedTarget> {
  const candidates = backupsBefore(survey, request, timeline);
  const { target } = request;
  if (target.kind === 'xid' || target.kind === 'name')
    return await reachByScan(survey, { target, timeline, candidates }, evidence);
  const [backup] = candidates;
  const recoveryTimeline = target.kind === 'immediate' ? lastTimelineOf(backup) : timeline;
  const path = pathFrom(survey, recoveryTimeline, backup);
  const plain = { backup, path, recoveryTimeline, stopsAt: undefined, lastCommitMicros: undefined };
  switch (target.kind) {
    case 'immediate': {
      const last = survey.geometry.lastSegmentBefore(backup.stopLsn);
      return { ...plain, pieces: clip(path.pieces, { first: 0n, last }) };
    }
    case 'end':
      if (path.hole !== undefined) throw walMissing(survey, { path, target });
      return { ...plain, pieces: path.pieces };
    case 'time':
      return {
        ...plain,
        pieces: path.pieces,
        lastCommitMicros: await proveTime(survey, { path, backup, target }, evidence),
      };
    default: {
      const stopsAt = await proveLsn(survey, path, target, evidence);
      return { ...plain, stopsAt, pieces: upTo(survey, path, stopsAt.lsn) };
    }
  }
}

function pathFrom(survey: RestoreSurvey, timeline: number, backup: BackupRecord): WalPath {
  const path = walPath(survey, timeline, backup.startLsn);
  if (path.endLsn >= backup.stopLsn) return path;
  const { geometry } = survey;
  const next = geometry.segmentOf(path.endLsn);
  const missing = path.hole ?? geometry.nameOf(lastTimelineOf(backup), next);
  const lost = path.lost === undefined ? '' : `; it was ${describeLoss(path.lost)}`;
  throw new WalvaultError(
    'wal-missing',
    `${missing}, which backup ${backup.id} needs, is not archived${lost}`,
    {
      hint: 'Without it this backup is not consistent. Choose an older one with --backup.',
    },
  );
}

/**
 * Proves that a later commit is archived: PostgreSQL ends with FATAL when WAL ends before the target time
 * (xlogrecovery.c).
 */
async function proveTime(
  survey: RestoreSurvey,
  {
    path,
    backup,
    target,
  }: { readonly path: WalPath; readonly backup: BackupRecord; readonly target: TargetOf<'time'> },
  evidence: WalEvidence,
): Promise<bigint> {
  const last = await evidence.lastCommit(path, path.endLsn);
  const isReached =
    last !== undefined && (target.inclusive ? last > target.timeMicros : last >= target.timeMicros);
  if (isReached) return last;
  if (path.hole !== undefined) throw walMissing(survey, { path, target, lastCommitMicros: last });
  if (last === undefined) {
    throw new WalvaultError(
      'target',
      `no transaction is archived on timeline ${path.timeline} after backup ${backup.id}, which ended at ${formatMicros(microsOf(backup.stopTime))}`,
      { hint: 'Without a target the restore goes to the end of the archive.' },
    );
  }
  throw new WalvaultError(
    'target',
    `${describeTarget(target)} is not before the last commit in the archive, ${formatMicros(last)} on timeline ${path.timeline}`,
    {
      hint: `Choose a time before ${formatMicros(last)}, or no target at all to recover everything that is archived.`,
    },
  );
}

async function proveLsn(
  survey: RestoreSurvey,
  path: WalPath,
  target: TargetOf<'lsn'>,
  evidence: WalEvidence,
): Promise<FoundTarget> {
  if (target.lsn < path.endLsn) {
    const { geometry } = survey;
    const from = geometry.startLsn(geometry.segmentOf(target.lsn));
    const found = await evidence.find(path, target, { from, to: path.endLsn });
    if (found !== undefined) return found;
  }
  if (path.hole !== undefined) throw walMissing(survey, { path, target });
  throw new WalvaultError(
    'target',
    `${describeTarget(target)} is beyond the archived WAL, which ends at ${formatLsn(path.endLsn)} on timeline ${path.timeline}`,
    {
      hint: `Choose a position before ${formatLsn(path.endLsn)}, or no target at all to recover everything that is archived.`,
    },
  );
}

interface Search {
  readonly target: TargetOf<'xid' | 'name'>;
  readonly timeline: number;
  /** The newest first. */
  readonly candidates: readonly BackupRecord[];
}

/**
 * Looks where a note says that the restore point is, the newest note first. Only the WAL from the backup to there is read,
 * and all of it: recovery would stop at an earlier restore point of that name, too. Undefined: the WAL must be searched.
 */
async function reachNoted(
  survey: RestoreSurvey,
  { target, timeline, candidates }: Search,
  evidence: WalEvidence,
): Promise<ReachedTarget | undefined> {
  const history = historyFromTree(survey.tree, timeline);
  const onTheWay = (survey.noted ?? [])
    .filter(point => timelineOfLsn(history, timeline, point.lsn - 1n) === point.timeline)
    .toSorted((a, b) => Number(b.lsn - a.lsn));
  for (const { lsn } of onTheWay) {
    const backup = candidates.find(({ stopLsn }) => stopLsn < lsn);
    if (backup === undefined) continue;
    const path = walPath(survey, timeline, backup.startLsn);
    if (path.endLsn < lsn) continue;
    const stopsAt = await evidence.find(path, target, { from: backup.stopLsn, to: lsn });
    if (stopsAt === undefined) continue;
    const pieces = upTo(survey, path, stopsAt.lsn);
    return { backup, path, pieces, recoveryTimeline: timeline, stopsAt, lastCommitMicros: undefined };
  }
  return undefined;
}

/**
 * Finds the newest usable backup. It scans from the newest backup's end to the end of WAL, then between each older
 * backup and the next.
 */
async function reachByScan(
  survey: RestoreSurvey,
  search: Search,
  evidence: WalEvidence,
): Promise<ReachedTarget> {
  const { target, timeline, candidates } = search;
  const noted = await reachNoted(survey, search, evidence);
  if (noted !== undefined) return noted;
  let to: Lsn | undefined;
  let blocked: WalPath | undefined;
  let scannedFrom: Lsn = 0n;
  let scannedTo: Lsn = 0n;
  let oldest: WalPath | undefined;
  for (const backup of candidates) {
    const path = pathFrom(survey, timeline, backup);
    if (path.hole !== undefined) blocked = path;
    to = to === undefined || to > path.endLsn ? path.endLsn : to;
    const stopsAt = await evidence.find(path, target, { from: backup.stopLsn, to });
    if (stopsAt !== undefined) {
      const pieces = upTo(survey, path, stopsAt.lsn);
      return { backup, path, pieces, recoveryTimeline: timeline, stopsAt, lastCommitMicros: undefined };
    }
    scannedFrom = backup.stopLsn;
    scannedTo = scannedTo > path.endLsn ? scannedTo : path.endLsn;
    oldest = path;
    to = backup.stopLsn;
  }
  if (blocked !== undefined) throw walMissing(survey, { path: blocked, target });
  throw new WalvaultError(
    'target',
    `${describeTarget(target)} is not between ${formatLsn(scannedFrom)} and ${formatLsn(scannedTo)} on timeline ${timeline} (${formatCount(count(...(oldest?.pieces ?? [])), 'segment')} read)`,
    {
      hint:
        candidates.length === 1
          ? 'What happened before the backup ended cannot be a target of it.'
          : 'That is all between the end of the oldest backup and the end of the archive.',
    },
  );
}

function upTo({ geometry }: RestoreSurvey, path: WalPath, lsn: Lsn): SegmentRange[] {
  return clip(path.pieces, { first: 0n, last: geometry.segmentOf(lsn) });
}

interface Broken {
  readonly path: WalPath;
  readonly target: RestoreTarget;
  /** The time of the last commit before the hole, if it was looked up. */
  readonly lastCommitMicros?: bigint | undefined;
}

function walMissing(survey: RestoreSurvey, { path, target, lastCommitMicros }: Broken): WalvaultError {
  const why = path.lost === undefined ? path.shownBy?.shownBy : `it was ${describeLoss(path.lost)}`;
  const before =
    target.kind === 'time' && lastCommitMicros !== undefined
      ? formatMicros(lastCommitMicros)
      : formatLsn(path.endLsn);
  const next = backupsOn(survey, path.timeline).find(({ startLsn }) => startLsn >= path.endLsn);
  const after =
    next && (target.kind === 'time' ? formatMicros(microsOf(next.stopTime)) : formatLsn(next.stopLsn));
  const beyond =
    next === undefined ? '' : ` or, with backup ${next.id}, the first one beyond the gap, one after ${after}`;
  // What cleanup removed as the policy says is no hole that makes another branch doubtful.
  return new WalvaultError(
    path.shownBy?.sign === 'removed' ? 'target' : 'wal-missing',
    `${path.hole} is not archived${why === undefined ? '' : ` (${why})`}: WAL is whole only up to ${formatLsn(path.endLsn)}, before ${describeTarget(target)}`,
    {
      hint: `If a server still has it, \`walvault push --missing\` there sends it; else choose a target before ${before}${beyond}, or another timeline with --target-timeline. To go on without it: \`walvault gap ack\`.`,
    },
  );
}
