/**
 * The choice of the WAL summaries that say what has changed between two backups, along the server's history: on each
 * timeline up to its switchpoint, without a hole. Pure.
 *
 * The rules are those of PrepareForIncrementalBackup (basebackup_incremental.c), FilterWalSummaries and
 * WalSummariesAreComplete (walsummary.c), with what was corrected there since PostgreSQL 17.10 and 18.4
 * (docs/wal-summaries.md).
 */
import type { Lsn } from '../lsn.ts';
import { timelineOfLsn, type TimelineHistoryEntry } from '../timeline-history.ts';
import type { WalSummary } from './summary-name.ts';

/** The WAL between the start of the parent and the start of the new backup. */
export interface WalSpan {
  readonly from: { readonly timeline: number; readonly lsn: Lsn };
  readonly to: { readonly timeline: number; readonly lsn: Lsn };
  /** The history of `to.timeline`. */
  readonly history: readonly TimelineHistoryEntry[];
}

export interface SelectedSummary {
  readonly summary: WalSummary;
  /** True if it may cover WAL that is not in this history, or not before the new backup: no truncation in it is proven. */
  readonly hasForeignWal: boolean;
}

export type SummarySelection =
  /** In the order of the WAL. `isAcrossTimelines`: the server was promoted in between. */
  | {
      readonly kind: 'complete';
      readonly summaries: readonly SelectedSummary[];
      readonly isAcrossTimelines: boolean;
    }
  /** The first range that no summary covers. */
  | { readonly kind: 'missing'; readonly missing: WalSummary }
  /** The start of the span is not a place before its end on this history. */
  | { readonly kind: 'unrelated' };

export function selectSummaries(available: readonly WalSummary[], span: WalSpan): SummarySelection {
  const { from, to, history } = span;
  const isOnTheWay = timelineOfLsn(history, to.timeline, from.lsn) === from.timeline;
  const isToOnTheWay = timelineOfLsn(history, to.timeline, to.lsn) === to.timeline;
  if (!isOnTheWay || !isToOnTheWay || from.lsn >= to.lsn) return { kind: 'unrelated' };
  const ranges = rangesOf(span);
  const selected: SelectedSummary[] = [];
  for (const range of ranges) {
    const overlapping = available
      .filter(summary => overlaps(summary, range))
      .sort((a, b) => compare(a.startLsn, b.startLsn) || compare(a.endLsn, b.endLsn));
    const missing = firstHole(overlapping, range);
    if (missing !== undefined) return { kind: 'missing', missing };
    const isLast = range.timeline === to.timeline;
    for (const summary of overlapping)
      selected.push({ summary, hasForeignWal: hasForeignWal(summary, range, isLast) });
  }
  return { kind: 'complete', summaries: selected, isAcrossTimelines: from.timeline !== to.timeline };
}

/** One range for each timeline of the span; a timeline that was left where it began has none. */
function rangesOf({ from, to, history }: WalSpan): WalSummary[] {
  const ancestors = history
    .filter(({ timeline }) => timeline >= from.timeline)
    .map(({ timeline, switchpoint }) => ({ timeline, endLsn: switchpoint }));
  const ranges: WalSummary[] = [];
  let startLsn = from.lsn;
  for (const { timeline, endLsn } of [...ancestors, { timeline: to.timeline, endLsn: to.lsn }]) {
    if (endLsn > startLsn) ranges.push({ timeline, startLsn, endLsn });
    startLsn = endLsn;
  }
  return ranges;
}

/**
 * Strictly: a summary of a standby may begin just where its timeline was left, and then names nothing but WAL that this
 * server never replayed.
 */
function overlaps(summary: WalSummary, range: WalSummary): boolean {
  return (
    summary.timeline === range.timeline && summary.startLsn < range.endLsn && summary.endLsn > range.startLsn
  );
}

/** `summaries` are in the order of their starts. */
function firstHole(summaries: readonly WalSummary[], { timeline, startLsn, endLsn }: WalSummary) {
  let covered = startLsn;
  for (const summary of summaries) {
    if (summary.startLsn > covered) return { timeline, startLsn: covered, endLsn: summary.startLsn };
    if (summary.endLsn > covered) covered = summary.endLsn;
  }
  return covered < endLsn ? { timeline, startLsn: covered, endLsn } : undefined;
}

/**
 * A standby summarises WAL as it arrives, ahead of replay. One that is promoted before it has replayed all of it has
 * summaries of WAL that is not in its history: those of the timeline that was left which end behind the switchpoint, or
 * at it, since the summary that was in progress at the promotion is ended there. Changed blocks of that WAL do no harm;
 * a truncation in it forgets blocks that were changed before.
 */
function hasForeignWal(summary: WalSummary, range: WalSummary, isLast: boolean): boolean {
  return isLast ? summary.endLsn > range.endLsn : summary.endLsn >= range.endLsn;
}

function compare(a: Lsn, b: Lsn): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
