/**
 * Which timeline a recovery is on, from what its data directory shows.
 *
 * A history in `pg_wal` alone proves nothing: PostgreSQL keeps there also those of timelines that it looked at and
 * refused because they left its own before the place that it had reached (readTimeLineHistory in timeline.c,
 * rescanLatestTimeLine in xlogrecovery.c). What it has replayed tells more.
 */
import type { Reached } from '../../postgres/cluster/control-file.ts';
import type { WalFileName } from '../../postgres/wal/file-name.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { switchpointOf, type TimelineHistories } from '../../postgres/wal/timeline-history.ts';
import { timelineOfSegment, type FollowedTimeline } from './plan.ts';

export interface Branch extends FollowedTimeline {
  /** Told, or shown by what was replayed; otherwise only a history says that it may be followed. */
  readonly isCertain: boolean;
}

/** What a data directory shows of the way that its recovery has taken. */
export interface BranchSigns {
  /** Those that lie in `pg_wal`. */
  readonly histories: TimelineHistories;
  /** By `pg_control`. */
  readonly reached: readonly Reached[];
  /** `pg_wal` has this segment, under its own name: from the archive or a primary, and replayed (KeepFileRestoredFromArchive). */
  hasSegment(name: string): boolean;
}

/** The branch on which a recovery that asks for `file` is, where it may have left the timeline of `file`. */
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

/** Undefined: nothing shows whether the recovery has left the timeline of `file` for the candidate. */
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
  // Of the segment before this one both timelines may have had a copy: the one that lies there was replayed.
  const before = geometry.positionOf(file).segment - 1n;
  const own = timelineOfSegment(before, candidate, geometry);
  if (own <= left) return undefined;
  const [hasOwn, hasLefts] = [own, left].map(of => hasSegment(geometry.nameOf(of, before)));
  return hasOwn === hasLefts ? undefined : hasOwn;
}
