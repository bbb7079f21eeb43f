/** What of a system can be recovered: the windows of each branch, with the holes between them. Pure. */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { Lsn } from '../../postgres/wal/lsn.ts';
import { contains } from '../../postgres/wal/segment-range.ts';
import { candidateTimelines } from '../restore/branches.ts';
import { backupsOn } from '../restore/choose-backup.ts';
import type { RestoreSurvey } from '../restore/survey.ts';
import { walPath, type WalPath } from '../restore/wal-path.ts';

/** Every position from `fromLsn` to `toLsn` can be recovered to. */
export interface RecoverableWindow {
  readonly timeline: number;
  /** The backup that it begins with; later ones may lie inside. */
  readonly backup: string;
  readonly fromLsn: Lsn;
  /** By the database server's clock. */
  readonly fromTime: Date;
  readonly toLsn: Lsn;
  /** When the last segment reached the store: what was committed before it was sent is inside. */
  readonly toTime: Date | undefined;
  /** The segment that is missing behind the window; undefined: the archive, or what somebody accepted, ends there. */
  readonly hole: string | undefined;
}

export interface Recoverable {
  /** The branch that the server is on, or that a restore without options follows; undefined: none is recoverable. */
  readonly timeline: number | undefined;
  /** Its windows, oldest first; at most `mostWindows`, the newest. */
  readonly windows: readonly RecoverableWindow[];
  readonly windowCount: number;
  /** Other branches that a restore may follow. */
  readonly otherTimelines: readonly number[];
  /** Backups whose own WAL is not whole, on this branch. */
  readonly withoutWal: readonly string[];
  /** Why it is not clear which branch a restore follows. */
  readonly problem: { readonly message: string; readonly hint: string | undefined } | undefined;
}

/** Whoever makes holes can make very many. */
const mostWindows = 1000;

export function findRecoverable(survey: RestoreSurvey, serverTimeline: number | undefined): Recoverable {
  const { timelines, problem } = branches(survey);
  const ofServer = timelines.find(timeline => timeline === serverTimeline);
  const timeline = ofServer ?? latestOf(survey, timelines);
  const found = timeline === undefined ? { windows: [], withoutWal: [] } : windowsOn(survey, timeline);
  return {
    timeline,
    windows: found.windows.slice(-mostWindows),
    windowCount: found.windows.length,
    otherTimelines: timelines.filter(other => other !== timeline),
    withoutWal: found.withoutWal,
    problem,
  };
}

/** The branches that a restore of everything may follow; where it would refuse to choose, all that have a backup. */
function branches(survey: RestoreSurvey): {
  readonly timelines: readonly number[];
  readonly problem: Recoverable['problem'];
} {
  const request = { target: { kind: 'end' }, backupId: undefined, timeline: undefined } as const;
  if (survey.backups.length === 0) return { timelines: [], problem: undefined };
  try {
    return { timelines: candidateTimelines(survey, request), problem: undefined };
  } catch (error) {
    if (!(error instanceof WalvaultError)) throw error;
    const timelines = [...new Set(survey.runs.map(({ timeline }) => timeline))].filter(
      timeline => !survey.unusable.has(timeline) && backupsOn(survey, timeline).length > 0,
    );
    return { timelines, problem: { message: error.message, hint: error.hint } };
  }
}

/** The branch whose WAL arrived last. */
function latestOf({ runs }: RestoreSurvey, timelines: readonly number[]): number | undefined {
  const arrivedAt = (timeline: number) =>
    Math.max(0, ...runs.flatMap(run => (run.timeline === timeline ? [run.lastModified.getTime()] : [])));
  return timelines.toSorted((a, b) => arrivedAt(b) - arrivedAt(a) || b - a)[0];
}

function windowsOn(
  survey: RestoreSurvey,
  timeline: number,
): { readonly windows: RecoverableWindow[]; readonly withoutWal: string[] } {
  const windows: RecoverableWindow[] = [];
  const withoutWal: string[] = [];
  for (const { id, startLsn, stopLsn, stopTime } of backupsOn(survey, timeline)) {
    const last = windows.at(-1);
    // Its WAL is a part of what is whole already, and leads as far.
    if (last !== undefined && startLsn >= last.fromLsn && stopLsn <= last.toLsn) continue;
    const path = walPath(survey, timeline, startLsn);
    if (path.endLsn < stopLsn) {
      withoutWal.push(id);
      continue;
    }
    const window = {
      timeline,
      backup: id,
      fromLsn: stopLsn,
      fromTime: stopTime,
      toLsn: path.endLsn,
      toTime: arrivalOf(survey, path),
      hole: path.hole,
    };
    // A backup that ended before another one that had begun earlier.
    if (last?.toLsn === window.toLsn) continue;
    windows.push(window);
  }
  return { windows, withoutWal };
}

/** Undefined where the path ends within a run of segments: only the arrival of a run's last segment is known. */
function arrivalOf({ runs }: RestoreSurvey, { pieces }: WalPath): Date | undefined {
  const last = pieces.at(-1);
  if (last === undefined) return undefined;
  const run = runs.find(one => contains(one, { timeline: last.timeline, segment: last.last }));
  return run?.last === last.last ? run.lastModified : undefined;
}
