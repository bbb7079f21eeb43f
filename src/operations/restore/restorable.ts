/** Whether a restore can still stop at a position that was noted once. Pure: what is archived decides, no WAL is read. */
import type { Lsn } from '../../postgres/wal/lsn.ts';
import { lastWritten } from '../../repository/wal/live-timelines.ts';
import { knownTimelines } from './branches.ts';
import { backupsOn } from './choose-backup.ts';
import { newestReach, type Reach } from './reaches.ts';
import type { RestoreSurvey } from './survey.ts';

export type Restorable =
  /** From this backup, and perhaps from others. */
  | { readonly state: 'yes'; readonly backup: string }
  /** Its WAL is not archived yet. */
  | { readonly state: 'not-yet'; readonly why: string }
  | { readonly state: 'gone'; readonly why: string };

/** `lsn` is the end of the record to stop at. */
export function restorableAt(
  survey: RestoreSurvey,
  reaches: readonly Reach[],
  { timeline, lsn }: { readonly timeline: number; readonly lsn: Lsn },
): Restorable {
  const reach = newestReach(reaches, { timeline, lsn });
  if (reach !== undefined) return { state: 'yes', backup: reach.backup.id };
  const problem = survey.unusable.get(timeline);
  if (problem !== undefined)
    return { state: 'gone', why: `the history of timeline ${timeline} cannot be read: ${problem}` };
  const isKnown = knownTimelines(survey).includes(timeline);
  const before = isKnown && backupsOn(survey, timeline).some(({ stopLsn }) => stopLsn < lsn);
  if (!before) return { state: 'gone', why: 'no backup is there that ended before it' };
  const last = lastWritten(survey, timeline, { withRemoved: true });
  const segment = survey.geometry.segmentOf(lsn - 1n);
  const hasEnded = [...survey.tree.values()].some(branch => branch.parent === timeline);
  if (!hasEnded && (last === undefined || last < segment))
    return { state: 'not-yet', why: 'its WAL is not archived yet' };
  return { state: 'gone', why: 'WAL on the way from the backup before it is missing' };
}
