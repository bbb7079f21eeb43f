/** The archived WAL of each timeline, with its holes. Pure. */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import {
  clip,
  count,
  nameRange,
  subtract,
  union,
  type NamedRange,
  type SegmentRange,
} from '../../postgres/wal/segment-range.ts';
import { formatLsn } from '../../postgres/wal/lsn.ts';
import { sumTiers, type TierCounts } from '../../repository/cold-objects.ts';
import type { SignatureVerdict } from '../../pipeline/openpgp/index.ts';
import { consistencyPoint, type BackupRecord } from '../../repository/format/backup-record.ts';
import type { Acknowledgement } from '../../repository/format/notes/gap-acknowledged.ts';
import type { LostWal } from '../../repository/format/notes/lost-wal.ts';
import type { Gap } from '../../repository/wal/gaps.ts';
import { describeLoss } from '../../repository/wal/lost-wal.ts';
import {
  describeSplitBrain,
  splitBrains,
  type TimelineEvidence,
} from '../../repository/wal/live-timelines.ts';
import type { WalRun } from '../../repository/wal/listing.ts';
import { describeLostHistory, timelinesOfUnknownOrigin } from '../../repository/wal/timelines.ts';

export interface TimelineListing {
  readonly timeline: number;
  /** Undefined for the first timeline, and if the history file is not archived. */
  readonly parent: number | undefined;
  /** The LSN at which this timeline left its parent, in PostgreSQL's notation. */
  readonly switchpoint: string | undefined;
  readonly hasHistory: boolean;
  /** When its history reached the store: about when it began. */
  readonly historyArchivedAt: Date | undefined;
  /** The committed backups that ended on it. */
  readonly backupCount: number;
  /**
   * What is wrong with the archived history, or that it is missing: nobody can follow this timeline. Undefined if it can
   * be read, and for the oldest timeline, which needs none.
   */
  readonly historyProblem: string | undefined;
  /** Undefined if only the history of this timeline is archived. */
  readonly firstSegment: string | undefined;
  readonly lastSegment: string | undefined;
  readonly segmentCount: number;
  readonly storedBytes: number;
  readonly lastArchivedAt: Date | undefined;
  /** The timelines that left this one before its last segment was archived: two servers archived at the same time. */
  readonly wentOnBeside: readonly { readonly timeline: number; readonly description: string }[];
  /** The missing segments: between archived ones, and after the last one where WAL that existed is gone. */
  readonly holes: readonly Hole[];
  /** The segments that cleanup removed from between archived ones. */
  readonly removed: readonly NamedRange[];
  /** The number of segments in archive tiers, by tier. */
  readonly cold: TierCounts;
  /** Segments that servers gave up and that are still missing: in holes, and after the last archived segment. */
  readonly lost: readonly LostRange[];
}

export interface Hole extends NamedRange {
  /** What shows that the segments existed, as a sentence without its full stop. */
  readonly shownBy: string;
  /** Somebody accepted the loss. */
  readonly acknowledged: (Acknowledgement & { readonly acknowledgedAt: Date }) | undefined;
}

export interface LostRange extends NamedRange {
  readonly lostFrom: Date;
  readonly lostTo: Date;
  readonly host: string;
  readonly backlogBytes: number;
  readonly limitBytes: number;
  readonly reason: string;
  /** The whole loss in one line that begins with "given up". */
  readonly description: string;
  /** The verdict on the signature of the note that records the loss. */
  readonly signature: SignatureVerdict | undefined;
}

export interface DescribedWal extends TimelineEvidence {
  /** Segments that servers gave up and that are still missing. */
  readonly lost: readonly LostWal[];
  readonly gaps: readonly Gap[];
  /** The ranges that cleanup removed. */
  readonly removed: readonly SegmentRange[];
  /** The timelines whose archived history cannot be read, each with what is wrong with it. */
  readonly unusable: ReadonlyMap<number, string>;
  /** The committed backups. */
  readonly backups: readonly BackupRecord[];
}

export function describeTimelines(wal: DescribedWal): TimelineListing[] {
  const { runs, lost, gaps, tree, unusable } = wal;
  const timelines = new Set([...runs, ...lost, ...gaps].map(({ timeline }) => timeline));
  for (const timeline of [...tree.keys(), ...unusable.keys()]) timelines.add(timeline);
  const problems = new Map(
    timelinesOfUnknownOrigin(tree, timelines).map(timeline => [timeline, describeLostHistory(timeline)]),
  );
  for (const [timeline, problem] of unusable) problems.set(timeline, problem);
  return [...timelines]
    .sort((a, b) => a - b)
    .map(timeline => ({ ...describeTimeline(timeline, wal), historyProblem: problems.get(timeline) }));
}

function describeTimeline(timeline: number, wal: DescribedWal): Omit<TimelineListing, 'historyProblem'> {
  const isHere = (range: SegmentRange) => range.timeline === timeline;
  const { tree, geometry } = wal;
  const runs = wal.runs.filter(isHere);
  const lost = wal.lost.filter(isHere);
  const nameOf = (segment: bigint) => geometry.nameOf(timeline, segment);
  const [first, last] = [runs[0], runs.at(-1)];
  const branch = tree.get(timeline);
  const times = runs.map(({ lastModified }) => lastModified.getTime());
  return {
    timeline,
    parent: branch?.parent,
    switchpoint: branch && formatLsn(branch.switchpoint),
    hasHistory: branch !== undefined,
    historyArchivedAt: wal.historyTimes.get(timeline),
    backupCount: wal.backups.filter(record => consistencyPoint(record).timeline === timeline).length,
    firstSegment: first && nameOf(first.first),
    lastSegment: last && nameOf(last.last),
    segmentCount: count(...runs),
    storedBytes: runs.reduce((sum, run) => sum + run.storedBytes, 0),
    cold: sumTiers(runs.map(({ cold }) => cold)),
    lastArchivedAt: times.length === 0 ? undefined : new Date(Math.max(...times)),
    wentOnBeside: splitBrains(wal)
      .filter(({ parent }) => parent === timeline)
      .map(split => ({ timeline: split.child, description: describeSplitBrain(split) })),
    holes: wal.gaps.filter(isHere).map(gap => holeOf(gap, geometry)),
    removed: removedBetween(runs, wal.removed).map(range => nameRange(range, geometry)),
    lost: lost.map(one => ({
      ...nameRange(one, geometry),
      lostFrom: one.lostFrom,
      lostTo: one.lostTo,
      host: one.host,
      backlogBytes: one.backlogBytes,
      limitBytes: one.limitBytes,
      reason: one.reason,
      description: describeLoss(one),
      signature: one.verdict,
    })),
  };
}

function holeOf(gap: Gap, geometry: WalGeometry): Hole {
  const { shownBy, acknowledged } = gap;
  return {
    ...nameRange(gap, geometry),
    shownBy,
    acknowledged: acknowledged && {
      user: acknowledged.user,
      host: acknowledged.host,
      reason: acknowledged.reason,
      acknowledgedAt: acknowledged.acknowledgedAt,
    },
  };
}

function removedBetween(runs: readonly WalRun[], removed: readonly SegmentRange[]): SegmentRange[] {
  const [first, last] = [runs[0], runs.at(-1)];
  if (first === undefined || last === undefined) return [];
  const { timeline } = first;
  const here = removed.filter(range => range.timeline === timeline);
  const between = { first: first.first, last: last.last };
  return clip(union(here), between).flatMap(range => subtract(range, runs));
}
