/** Which segments a recovery reads on its way, and how far the archive has them without a hole. Pure. */
import { segmentName, segmentNumberOfLsn, segmentStartLsn } from '../../postgres/wal/file-name.ts';
import type { Lsn } from '../../postgres/wal/lsn.ts';
import type { TimelineHistoryEntry } from '../../postgres/wal/timeline-history.ts';
import type { LostWal } from '../../repository/format/notes/lost-wal.ts';
import { findRange } from '../../repository/wal/lost-wal.ts';
import { historyFromTree, type TimelineTree } from '../../repository/wal/timelines.ts';
import type { WalRun } from '../../repository/wal/listing.ts';

/** What a repository has, as far as a plan needs it. */
export interface WalSurvey {
  readonly tree: TimelineTree;
  readonly runs: readonly WalRun[];
  /** What servers gave up (`archive.queue-limit`) and never sent after all. */
  readonly lost?: readonly LostWal[];
  readonly segmentSizeBytes: number;
}

/** Consecutive segments of one timeline, both ends included. */
export interface WalPiece {
  readonly timeline: number;
  readonly first: bigint;
  readonly last: bigint;
}

/** A recovery along one timeline, from a backup's start to where the archive ends or has its first hole. */
export interface WalPath {
  readonly timeline: number;
  readonly history: readonly TimelineHistoryEntry[];
  readonly startLsn: Lsn;
  /** Proven present, in order, without a hole. */
  readonly pieces: readonly WalPiece[];
  /** End of the last segment of `pieces`, or `startLsn`'s segment start if there is none. */
  readonly endLsn: Lsn;
  /** The first segment that is missing although the archive knows of later WAL on this way. */
  readonly hole: string | undefined;
  /** What was given up there, if that is why the hole is there. */
  readonly lost?: LostWal | undefined;
}

/**
 * PostgreSQL takes each segment from the newest timeline on its way that had begun by then (XLogFileReadAnyTLI), so
 * the segment a timeline was left in belongs to the child, whose copy begins with the parent's pages.
 */
export function walPath(survey: WalSurvey, timeline: number, startLsn: Lsn): WalPath {
  const { segmentSizeBytes } = survey;
  const history = historyFromTree(survey.tree, timeline);
  const wanted = wantedPieces(survey, timeline, startLsn);
  const pieces: WalPiece[] = [];
  let next = segmentNumberOfLsn(startLsn, segmentSizeBytes);
  let hole: string | undefined;
  let lost: LostWal | undefined;
  for (const piece of wanted) {
    const covered = coveredUntil(survey.runs, piece);
    if (covered >= piece.first) {
      pieces.push({ ...piece, last: covered });
      next = covered + 1n;
    }
    if (covered < piece.last) {
      hole = segmentName(piece.timeline, covered + 1n, segmentSizeBytes);
      lost = findRange(survey.lost ?? [], piece.timeline, covered + 1n);
      break;
    }
  }
  return {
    timeline,
    history,
    startLsn,
    pieces,
    endLsn: segmentStartLsn(next, segmentSizeBytes),
    hole,
    lost,
  };
}

/** The segments from `from` to `to`, both included, in order, each with the timeline it is read from. */
export function* segmentsOf(
  pieces: readonly WalPiece[],
  from: bigint,
  to: bigint,
): Generator<{ timeline: number; segment: bigint }> {
  for (const { timeline, first, last } of pieces)
    for (let segment = first > from ? first : from; segment <= last && segment <= to; segment++)
      yield { timeline, segment };
}

export function countSegments(pieces: readonly WalPiece[]): bigint {
  return pieces.reduce((total, { first, last }) => total + last - first + 1n, 0n);
}

/** The pieces up to the segment that holds `lsn`. */
export function piecesUpTo(pieces: readonly WalPiece[], lastSegment: bigint): WalPiece[] {
  return pieces
    .filter(({ first }) => first <= lastSegment)
    .map(piece => (piece.last > lastSegment ? { ...piece, last: lastSegment } : piece));
}

/**
 * The last whole segment that surely existed on a timeline itself; undefined if there is none. WAL that was given up
 * counts: the archive does not end before it.
 */
export function lastWritten(
  { runs, lost = [] }: Pick<WalSurvey, 'runs' | 'lost'>,
  timeline: number,
): bigint | undefined {
  let last: bigint | undefined;
  for (const run of [...runs, ...lost])
    if (run.timeline === timeline && (last === undefined || run.last > last)) last = run.last;
  return last;
}

function wantedPieces(survey: WalSurvey, timeline: number, startLsn: Lsn): WalPiece[] {
  const { tree, runs, segmentSizeBytes } = survey;
  const firstSegment = segmentNumberOfLsn(startLsn, segmentSizeBytes);
  const history = historyFromTree(tree, timeline);
  const pieces: WalPiece[] = [];
  let from = firstSegment;
  for (const { timeline: ancestor, switchpoint } of history) {
    const last = segmentNumberOfLsn(switchpoint, segmentSizeBytes) - 1n;
    if (last < from) continue;
    pieces.push({ timeline: ancestor, first: from, last });
    from = last + 1n;
  }
  const ownLast = lastWritten(survey, timeline);
  if (ownLast !== undefined && ownLast >= from) return [...pieces, { timeline, first: from, last: ownLast }];
  const left = history.at(-1);
  // Nothing of its own is archived yet. The parent's copy of the segment it was left in holds more than was followed,
  // so it is never served: the child's copy is missed as soon as it is known that there was something to copy.
  const hasParentCopy =
    left !== undefined &&
    left.switchpoint > segmentStartLsn(from, segmentSizeBytes) &&
    coveredUntil(runs, { timeline: left.timeline, first: from, last: from }) === from;
  return hasParentCopy ? [...pieces, { timeline, first: from, last: from }] : pieces;
}

/** The last segment of the piece up to which all are there; one before its first if not even that is. */
function coveredUntil(runs: readonly WalRun[], piece: WalPiece): bigint {
  const run = runs.find(
    ({ timeline, first, last }) => timeline === piece.timeline && first <= piece.first && last >= piece.first,
  );
  if (run === undefined) return piece.first - 1n;
  return run.last < piece.last ? run.last : piece.last;
}
