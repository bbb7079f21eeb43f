/**
 * The timeline that a recovery is on, as its data directory shows it.
 *
 * A history in `pg_wal` alone proves nothing: PostgreSQL also keeps the histories of timelines that it refused because
 * they left its own timeline before the place that it had reached (readTimeLineHistory in timeline.c,
 * rescanLatestTimeLine in xlogrecovery.c). The replayed WAL tells more.
 */
import type { Reached } from '../../postgres/cluster/control-file.ts';
import type { WalFileName } from '../../postgres/wal/file-name.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { switchpointOf, type TimelineHistories } from '../../postgres/wal/timeline-history.ts';
import { timelineOfSegment, type FollowedTimeline } from './plan.ts';

export interface Branch extends FollowedTimeline {
  /** True if `--timeline` names the branch or the replayed WAL shows it; false if only a history file suggests it. */
  readonly isCertain: boolean;
}

/** The signs in a data directory of the way that its recovery has taken. */
export interface BranchSigns {
  /** The histories in `pg_wal`. */
  readonly histories: TimelineHistories;
  /** The places that the server has reached, by its `pg_control`. */
  readonly reached: readonly Reached[];
  /** True if `pg_wal` has this segment under its own name: replayed, and kept (KeepFileRestoredFromArchive). */
  hasSegment(name: string): boolean;
}

/** The branch that a recovery may have taken away from the timeline of `file`; undefined if there is none. */
export function branchShown(
  file: WalFileName & { kind: 'segment' },
  signs: BranchSigns,
  geometry: WalGeometry,
): Branch | undefined {
  let possible: Branch | undefined;
  const newestFirst = [...signs.histories].sort(([a], [b]) => b - a);
  for (const [timeline, history] of newestFirst) {
    if (switchpointOf(history, file.timeline) === undefined) continue;
    const isTaken = hasTaken({ timeline, history }, file, signs, geometry);
    if (isTaken === true) return { timeline, history, isCertain: true };
    if (isTaken === undefined) possible ??= { timeline, history, isCertain: false };
  }
  return possible;
}

/** Whether the recovery has left the timeline of `file` for the candidate; undefined if nothing shows it. */
function hasTaken(
  candidate: FollowedTimeline,
  file: WalFileName & { kind: 'segment' },
  { reached, hasSegment }: BranchSigns,
  geometry: WalGeometry,
): boolean | undefined {
  const { timeline: left } = file;
  const { timeline, history } = candidate;
  const switchpoint = switchpointOf(history, left);
  for (const place of reached) {
    if (place.timeline === left && switchpoint !== undefined && place.lsn >= switchpoint) return false;
    const isOnTheWay = timeline === place.timeline || switchpointOf(history, place.timeline) !== undefined;
    if (place.timeline > left && isOnTheWay) return true;
  }
  // Both timelines may have had a copy of the segment before this one: the copy in `pg_wal` is the replayed one.
  const before = geometry.positionOf(file).segment - 1n;
  const own = timelineOfSegment(before, candidate, geometry);
  if (own <= left) return undefined;
  const [hasOwn, hasLefts] = [own, left].map(of => hasSegment(geometry.nameOf(of, before)));
  return hasOwn === hasLefts ? undefined : hasOwn;
}
