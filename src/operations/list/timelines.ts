/** The archived WAL of each timeline, with its holes. Pure. */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import {
  count,
  nameRange,
  subtract,
  type NamedRange,
  type SegmentRange,
} from '../../postgres/wal/segment-range.ts';
import { formatLsn } from '../../postgres/wal/lsn.ts';
import { sumTiers, type TierCounts } from '../../repository/cold-objects.ts';
import type { SignatureVerdict } from '../../pipeline/openpgp/index.ts';
import type { LostWal } from '../../repository/format/notes/lost-wal.ts';
import { describeLoss } from '../../repository/wal/lost-wal.ts';
import type { TimelineTree } from '../../repository/wal/timelines.ts';
import type { WalRun } from '../../repository/wal/listing.ts';

export interface TimelineListing {
  readonly timeline: number;
  /** Undefined for the first timeline, and if the history file is not archived. */
  readonly parent: number | undefined;
  /** The LSN at which this timeline left its parent, in PostgreSQL's notation. */
  readonly switchpoint: string | undefined;
  readonly hasHistory: boolean;
  /** Undefined if only the history of this timeline is archived. */
  readonly firstSegment: string | undefined;
  readonly lastSegment: string | undefined;
  readonly segmentCount: number;
  readonly storedBytes: number;
  readonly lastArchivedAt: Date | undefined;
  /** The missing segments between archived segments. */
  readonly holes: readonly NamedRange[];
  /** The number of segments in archive tiers, by tier. */
  readonly cold: TierCounts;
  /** Segments that servers gave up and that are still missing: in holes, and after the last archived segment. */
  readonly lost: readonly LostRange[];
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

export interface DescribedWal {
  readonly runs: readonly WalRun[];
  /** Segments that servers gave up and that are still missing. */
  readonly lost: readonly LostWal[];
  readonly tree: TimelineTree;
  readonly geometry: WalGeometry;
}

export function describeTimelines({ runs, lost, tree, geometry }: DescribedWal): TimelineListing[] {
  const timelines = new Set([...runs, ...lost].map(({ timeline }) => timeline).concat([...tree.keys()]));
  return [...timelines]
    .sort((a, b) => a - b)
    .map(timeline =>
      describeTimeline(
        timeline,
        runs.filter(run => run.timeline === timeline),
        { tree, geometry, lost: lost.filter(one => one.timeline === timeline) },
      ),
    );
}

function describeTimeline(
  timeline: number,
  runs: readonly WalRun[],
  { tree, geometry, lost }: { tree: TimelineTree; geometry: WalGeometry; lost: readonly LostWal[] },
): TimelineListing {
  const nameOf = (segment: bigint) => geometry.nameOf(timeline, segment);
  const [first, last] = [runs[0], runs.at(-1)];
  const branch = tree.get(timeline);
  const times = runs.map(({ lastModified }) => lastModified.getTime());
  return {
    timeline,
    parent: branch?.parent,
    switchpoint: branch && formatLsn(branch.switchpoint),
    hasHistory: branch !== undefined,
    firstSegment: first && nameOf(first.first),
    lastSegment: last && nameOf(last.last),
    segmentCount: count(...runs),
    storedBytes: runs.reduce((sum, run) => sum + run.storedBytes, 0),
    cold: sumTiers(runs.map(({ cold }) => cold)),
    lastArchivedAt: times.length === 0 ? undefined : new Date(Math.max(...times)),
    holes: holesBetween(runs).map(hole => nameRange(hole, geometry)),
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

function holesBetween(runs: readonly WalRun[]): SegmentRange[] {
  const [first, last] = [runs[0], runs.at(-1)];
  if (first === undefined || last === undefined) return [];
  const { timeline } = first;
  return subtract({ timeline, first: first.first, last: last.last }, runs);
}
