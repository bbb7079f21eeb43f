/**
 * Which timelines still have a server that writes to them, as far as an archive shows it. A primary that died in a
 * failover, or was restored in place, archives nothing more; the origin of a promoted copy, and a primary that nobody
 * stopped, go on. Pure.
 */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { Lsn } from '../../postgres/wal/lsn.ts';
import type { SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { KnownWal } from './known-wal.ts';
import type { WalRun } from './listing.ts';
import type { ReadableTimelines } from './timelines.ts';

export interface TimelineEvidence extends ReadableTimelines {
  readonly runs: readonly WalRun[];
  /** WAL that servers gave up (`archive.queue-limit`) and never archived later. */
  readonly lost?: readonly SegmentRange[];
  /** WAL that surely was archived once. */
  readonly known?: readonly KnownWal[] | undefined;
  readonly geometry: WalGeometry;
}

/** A child that left its parent, which went on. */
export interface SplitBrain {
  readonly parent: number;
  readonly child: number;
  readonly switchpoint: Lsn;
  /** When the parent's last segment reached the store. */
  readonly parentArchivedAt: Date;
}

/**
 * True if the timeline's server goes on: no child left the timeline, or its last WAL arrived after each child's
 * history.
 */
export function isAlive(evidence: TimelineEvidence, timeline: number): boolean {
  return childrenOf(evidence, timeline).every(({ child }) => wentOnAfter(evidence, timeline, child));
}

/**
 * True if the timeline has WAL that no child took over: no child left it, or it continued in or after the segment
 * where a child left it.
 */
export function hasOwnEnd(evidence: TimelineEvidence, timeline: number): boolean {
  return childrenOf(evidence, timeline).every(({ switchpoint }) =>
    continuesFrom(evidence, timeline, switchpoint),
  );
}

/** Each pair of timelines that two servers archived at the same time. */
export function splitBrains(evidence: TimelineEvidence): SplitBrain[] {
  const found: SplitBrain[] = [];
  for (const [child, { parent, switchpoint }] of evidence.tree) {
    const last = lastRun(evidence, parent);
    if (last === undefined || !evidence.historyTimes.has(child) || !wentOnAfter(evidence, parent, child))
      continue;
    found.push({ parent, child, switchpoint, parentArchivedAt: last.lastModified });
  }
  return found.toSorted((a, b) => a.child - b.child);
}

export function describeSplitBrain({ parent, child }: Pick<SplitBrain, 'parent' | 'child'>): string {
  return `timeline ${parent} was archived on after timeline ${child} left it: a split brain, unless one of them is a copy that archives here`;
}

/**
 * The last whole segment that surely existed on the timeline itself; undefined if there is none. WAL that was given
 * up or lost counts: the archive does not end before it. WAL that cleanup removed counts `withRemoved` only: a recovery
 * cannot cross it, but a timeline whose end was removed is not one to follow.
 */
export function lastWritten(
  { runs, lost = [], known = [] }: Pick<TimelineEvidence, 'runs' | 'lost' | 'known'>,
  timeline: number,
  { withRemoved = false } = {},
): bigint | undefined {
  let last: bigint | undefined;
  for (const run of [...runs, ...lost, ...known.filter(({ sign }) => withRemoved || sign !== 'removed')])
    if (run.timeline === timeline && (last === undefined || run.last > last)) last = run.last;
  return last;
}

/** Earlier segments do not count: `push --missing` sends those of a dead primary, too. */
function wentOnAfter(evidence: TimelineEvidence, timeline: number, child: number): boolean {
  const left = evidence.tree.get(child);
  if (left === undefined || !continuesFrom(evidence, timeline, left.switchpoint)) return false;
  const leftAt = evidence.historyTimes.get(child);
  const last = lastRun(evidence, timeline);
  return leftAt === undefined || (last !== undefined && last.lastModified > leftAt);
}

function continuesFrom(evidence: TimelineEvidence, timeline: number, switchpoint: Lsn): boolean {
  const last = lastWritten(evidence, timeline);
  return last !== undefined && last >= evidence.geometry.segmentOf(switchpoint);
}

function lastRun({ runs }: TimelineEvidence, timeline: number): WalRun | undefined {
  return runs
    .filter(run => run.timeline === timeline)
    .reduce<WalRun | undefined>(
      (last, run) => (last === undefined || run.last > last.last ? run : last),
      undefined,
    );
}

function childrenOf({ tree }: TimelineEvidence, timeline: number): { child: number; switchpoint: Lsn }[] {
  return [...tree]
    .filter(([, { parent }]) => parent === timeline)
    .map(([child, { switchpoint }]) => ({ child, switchpoint }));
}
