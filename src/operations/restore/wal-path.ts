/** The segments that a recovery reads on its way, and how far the archive has them without a hole. Pure. */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { contains, subtract, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { Lsn } from '../../postgres/wal/lsn.ts';
import type { TimelineHistoryEntry } from '../../postgres/wal/timeline-history.ts';
import type { LostWal } from '../../repository/format/notes/lost-wal.ts';
import type { AcknowledgedGap } from '../../repository/format/notes/gap-acknowledged.ts';
import { whatShows, type KnownWal } from '../../repository/wal/known-wal.ts';
import { historyFromTree, type TimelineTree } from '../../repository/wal/timelines.ts';
import { lastWritten } from '../../repository/wal/live-timelines.ts';
import type { WalRun } from '../../repository/wal/listing.ts';

/** The WAL of a repository, as far as a plan needs to know it. */
export interface WalSurvey {
  readonly tree: TimelineTree;
  readonly runs: readonly WalRun[];
  /** WAL that servers gave up (`archive.queue-limit`) and never archived later. */
  readonly lost?: readonly LostWal[];
  /** WAL that surely existed once, archived or not. */
  readonly known?: readonly KnownWal[];
  /** Gaps that somebody accepted. */
  readonly acknowledged?: readonly AcknowledgedGap[];
  readonly geometry: WalGeometry;
}

/** A recovery along one timeline, from a backup's start to where the archive ends or has its first hole. */
export interface WalPath {
  readonly timeline: number;
  readonly history: readonly TimelineHistoryEntry[];
  readonly startLsn: Lsn;
  /** The ranges that are proven present, in order, without a hole. */
  readonly pieces: readonly SegmentRange[];
  /** End of the last segment of `pieces`, or `startLsn`'s segment start if there is none. */
  readonly endLsn: Lsn;
  /** The first segment that is missing although the archive knows of later WAL on this way. */
  readonly hole: string | undefined;
  /** What shows that the missing segment existed, if no later segment does. */
  readonly shownBy?: KnownWal | undefined;
  /** The path ends, without a hole, at this gap of its own timeline, which somebody accepted. */
  readonly acceptedGap?: AcknowledgedGap | undefined;
  /** The loss that explains the hole, if WAL was given up there. */
  readonly lost?: LostWal | undefined;
}

/**
 * PostgreSQL takes each segment from the newest timeline on its way that had begun by then (XLogFileReadAnyTLI), so
 * the segment in which a child left a timeline belongs to the child, whose copy begins with the parent's pages.
 */
export function walPath(survey: WalSurvey, timeline: number, startLsn: Lsn): WalPath {
  const { geometry } = survey;
  const history = historyFromTree(survey.tree, timeline);
  const wanted = wantedPieces(survey, timeline, startLsn);
  const pieces: SegmentRange[] = [];
  let next = geometry.segmentOf(startLsn);
  let hole: string | undefined;
  let shownBy: KnownWal | undefined;
  let acceptedGap: AcknowledgedGap | undefined;
  let lost: LostWal | undefined;
  for (const piece of wanted) {
    const covered = coveredUntil(survey.runs, piece);
    if (covered >= piece.first) {
      pieces.push({ ...piece, last: covered });
      next = covered + 1n;
    }
    if (covered < piece.last) {
      const missing = { timeline: piece.timeline, segment: covered + 1n };
      // On the way to another timeline the recovery would end before it: nobody accepted that.
      if (piece.timeline === timeline)
        acceptedGap = survey.acknowledged?.find(range => contains(range, missing));
      if (acceptedGap !== undefined) break;
      hole = geometry.nameOf(piece.timeline, covered + 1n);
      shownBy = whatShows(missing, survey.known ?? []);
      lost = survey.lost?.find(range => contains(range, missing));
      break;
    }
  }
  return {
    timeline,
    history,
    startLsn,
    pieces,
    endLsn: geometry.startLsn(next),
    hole,
    shownBy,
    acceptedGap,
    lost,
  };
}

function wantedPieces(survey: WalSurvey, timeline: number, startLsn: Lsn): SegmentRange[] {
  const { tree, runs, geometry } = survey;
  const firstSegment = geometry.segmentOf(startLsn);
  const history = historyFromTree(tree, timeline);
  const pieces: SegmentRange[] = [];
  let from = firstSegment;
  for (const { timeline: ancestor, switchpoint } of history) {
    const last = geometry.segmentOf(switchpoint) - 1n;
    if (last < from) continue;
    pieces.push({ timeline: ancestor, first: from, last });
    from = last + 1n;
  }
  const ownLast = lastWritten(survey, timeline, { withRemoved: true });
  if (ownLast !== undefined && ownLast >= from) return [...pieces, { timeline, first: from, last: ownLast }];
  const left = history.at(-1);
  // The timeline has no archived WAL of its own yet. The parent's copy of the segment at the switchpoint holds more
  // than the child followed, so it is never used: where the parent's copy exists, the child's copy is missing.
  const hasParentCopy =
    left !== undefined &&
    left.switchpoint > geometry.startLsn(from) &&
    runs.some(run => contains(run, { timeline: left.timeline, segment: from }));
  return hasParentCopy ? [...pieces, { timeline, first: from, last: from }] : pieces;
}

/**
 * The last segment of the piece before its first hole; the segment before the piece if its first segment is missing.
 */
function coveredUntil(runs: readonly WalRun[], piece: SegmentRange): bigint {
  const [gap] = subtract(piece, runs);
  return gap === undefined ? piece.last : gap.first - 1n;
}
