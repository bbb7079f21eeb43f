/** The timelines in use, and the backups that lead to each of them. Pure. */
import type { TimelineTree } from '../../repository/wal/timelines.ts';
import { comparePositions, consistencyPoint } from '../../repository/format/backup-record.ts';
import type { KnownBackup, SystemState } from './state.ts';
import { reaches } from './timeline-path.ts';

export interface TimelineActivity {
  readonly timeline: number;
  /** When the newest WAL, history file or backup of this timeline reached the store. */
  readonly lastArrivalMs: number;
  /** True if no other timeline received WAL later. */
  readonly hasNewestWal: boolean;
  /** True if its WAL goes on past the last switchpoint: no other timeline has simply replaced it. */
  readonly isUnended: boolean;
}

export function timelineActivity(state: SystemState, counted: readonly KnownBackup[]): TimelineActivity[] {
  const arrivals = new Map<number, number>();
  const note = (timeline: number, time: Date) =>
    arrivals.set(timeline, Math.max(time.getTime(), arrivals.get(timeline) ?? 0));
  for (const { timeline, lastModified } of state.wal) note(timeline, lastModified);
  for (const [timeline, time] of state.historyTimes) note(timeline, time);
  for (const backup of counted) note(consistencyPoint(backup.record).timeline, backup.committedAt);
  const newestWalMs = Math.max(...state.wal.map(({ lastModified }) => lastModified.getTime()));
  const newestWal = new Set(
    state.wal
      .filter(({ lastModified }) => lastModified.getTime() === newestWalMs)
      .map(({ timeline }) => timeline),
  );
  return [...arrivals]
    .map(([timeline, lastArrivalMs]) => ({
      timeline,
      lastArrivalMs,
      hasNewestWal: newestWal.has(timeline),
      isUnended: isUnended(state, timeline),
    }))
    .sort((a, b) => a.timeline - b.timeline);
}

function isUnended({ wal, tree, geometry }: SystemState, timeline: number): boolean {
  const ends = [...tree.values()].filter(({ parent }) => parent === timeline);
  if (ends.length === 0) return true;
  const last = wal.findLast(stretch => stretch.timeline === timeline)?.last;
  if (last === undefined || geometry === undefined) return false;
  return ends.every(({ switchpoint }) => last > geometry.segmentOf(switchpoint));
}

/**
 * The timelines that received an object since `sinceMs`. They always include the highest timeline, the timeline that
 * received an object last and the timeline that received WAL last: an idle server archives nothing, but the window
 * promises its newest state, even if a restored copy has archived a history file since.
 */
export function openTimelines(activity: readonly TimelineActivity[], sinceMs: number): TimelineActivity[] {
  const newestMs = Math.max(0, ...activity.map(({ lastArrivalMs }) => lastArrivalMs));
  return activity.filter(
    ({ lastArrivalMs, hasNewestWal }, index) =>
      lastArrivalMs >= sinceMs || lastArrivalMs === newestMs || hasNewestWal || index === activity.length - 1,
  );
}

/** The backup with the highest position from which a recovery can go on to `timeline`. */
export function newestReaching(
  tree: TimelineTree,
  backups: readonly KnownBackup[],
  timeline: number,
): KnownBackup | undefined {
  return backups
    .filter(backup => reaches(tree, consistencyPoint(backup.record), timeline))
    .sort((a, b) => comparePositions(a.record, b.record))
    .at(-1);
}
