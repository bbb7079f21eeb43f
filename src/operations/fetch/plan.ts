/** The decisions of fetch that need only names, histories and listings. Pure. */
import type { WalFileName } from '../../postgres/wal/file-name.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { SegmentPosition } from '../../postgres/wal/segment-range.ts';
import {
  switchpointOf,
  timelineOfLsn,
  type TimelineHistoryEntry,
} from '../../postgres/wal/timeline-history.ts';
import { whatShows, type KnownWal } from '../../repository/wal/known-wal.ts';

export interface FollowedTimeline {
  readonly timeline: number;
  readonly history: readonly TimelineHistoryEntry[];
}

export type BranchVerdict =
  /** On the way to the followed timeline, or nothing says otherwise. */
  | 'on-branch'
  /** Written by the old primary after the followed timeline left its timeline: never served. */
  | 'past-switchpoint'
  /** The switchpoint lies inside this segment: only the followed timeline's own copy of it is right. */
  | 'holds-switchpoint';

/**
 * Judges whether a recovery that follows `followed` may have this segment. PostgreSQL asks for the newest timeline
 * first and falls back to each parent without an upper bound (XLogFileReadAnyTLI in xlogrecovery.c): with the old
 * primary's later segments it would replay the wrong branch.
 */
export function judgeBranch(
  file: WalFileName & { kind: 'segment' },
  followed: FollowedTimeline | undefined,
  geometry: WalGeometry,
): BranchVerdict {
  if (followed === undefined || followed.timeline === file.timeline) return 'on-branch';
  const switchpoint = switchpointOf(followed.history, file.timeline);
  if (switchpoint === undefined) return 'on-branch';
  const number = geometry.positionOf(file).segment;
  if (geometry.endLsn(number) <= switchpoint) return 'on-branch';
  return geometry.startLsn(number) >= switchpoint ? 'past-switchpoint' : 'holds-switchpoint';
}

/**
 * The names of the `count` segments after `number` on the way to `followed`, as PostgreSQL will ask for them. It first
 * tries the newest timeline that began before the segment's end (XLogFileReadAnyTLI), so the segment that holds a
 * switchpoint has the child's name.
 */
export function segmentsAfter(
  number: bigint,
  count: number,
  followed: FollowedTimeline,
  geometry: WalGeometry,
): string[] {
  return Array.from({ length: count }, (_, index) => {
    const next = number + BigInt(index) + 1n;
    return geometry.nameOf(timelineOfSegment(next, followed, geometry), next);
  });
}

/** The timeline of the copy of this segment that a recovery along `followed` needs. */
export function timelineOfSegment(
  number: bigint,
  { timeline, history }: FollowedTimeline,
  geometry: WalGeometry,
): number {
  return timelineOfLsn(history, timeline, geometry.endLsn(number) - 1n);
}

/**
 * Why an absent segment is a hole and not the end of its timeline; undefined if nothing shows a hole. The first sign is
 * `hasLater`: the archive has a later segment or partial of the timeline. The others are all that shows that the
 * segment existed once.
 */
export function gapReason(
  position: SegmentPosition,
  evidence: { readonly hasLater: boolean; readonly known: readonly KnownWal[] },
): string | undefined {
  if (evidence.hasLater) return `later segments of timeline ${position.timeline} are archived`;
  return whatShows(position, evidence.known)?.shownBy;
}
