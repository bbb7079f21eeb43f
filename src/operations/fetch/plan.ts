/** What fetch decides from names, histories and listings alone. */
import type { WalFileName } from '../../postgres/wal/file-name.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import {
  switchpointOf,
  timelineOfLsn,
  type TimelineHistoryEntry,
} from '../../postgres/wal/timeline-history.ts';

export interface FollowedTimeline {
  readonly timeline: number;
  readonly history: readonly TimelineHistoryEntry[];
}

export type BranchVerdict =
  /** On the way to the followed timeline, or nothing is known to the contrary. */
  | 'on-branch'
  /** Written by the old primary after its timeline was left: never served. */
  | 'past-switchpoint'
  /** The switchpoint lies inside: the followed timeline has its own copy of this segment, and only that is right. */
  | 'holds-switchpoint';

/**
 * May this segment be served to a recovery that follows `followed`? PostgreSQL asks for the newest timeline first
 * and falls back to each parent without an upper bound (XLogFileReadAnyTLI in xlogrecovery.c): given the old
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
 * The names under which PostgreSQL asks for the segments after `number` on the way to `followed`: for each the newest
 * timeline that has begun by its end comes first (XLogFileReadAnyTLI), so the segment that holds a switchpoint is the
 * child's.
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

/** The timeline on which a recovery that follows `followed` wants the segment. */
export function timelineOfSegment(
  number: bigint,
  { timeline, history }: FollowedTimeline,
  geometry: WalGeometry,
): number {
  return timelineOfLsn(history, timeline, geometry.endLsn(number) - 1n);
}

/**
 * Why an absent segment is a hole and not the end of its timeline, or undefined. `hasLater`: the archive has a later
 * segment or partial of the timeline. The other sign is a child that left the timeline in a later segment, whoever has
 * its history: the WAL up to there did exist.
 */
export function gapReason(
  file: WalFileName & { kind: 'segment' },
  evidence: {
    readonly hasLater: boolean;
    /** Each with the timeline that it is the history of. */
    readonly histories: Iterable<readonly [timeline: number, history: readonly TimelineHistoryEntry[]]>;
    readonly geometry: WalGeometry;
  },
): string | undefined {
  if (evidence.hasLater) return `later segments of timeline ${file.timeline} are archived`;
  const number = evidence.geometry.positionOf(file).segment;
  for (const [child, history] of evidence.histories) {
    const switchpoint = switchpointOf(history, file.timeline);
    if (switchpoint !== undefined && evidence.geometry.segmentOf(switchpoint) > number) {
      return `timeline ${child} left timeline ${file.timeline} in a later segment`;
    }
  }
  return undefined;
}
