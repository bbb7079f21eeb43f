/** The gaps of an archive: WAL that once existed, is not archived, and was not removed by cleanup. Pure. */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { covers, cut, subtract, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { AcknowledgedGap } from '../format/notes/gap-acknowledged.ts';
import { whatShows, type KnownWal } from './known-wal.ts';
import type { TimelineTree } from './timelines.ts';

export interface Gap extends SegmentRange {
  /** What shows that it existed, as a sentence without its full stop. */
  readonly shownBy: string;
  /** Somebody accepted the loss. */
  readonly acknowledged: AcknowledgedGap | undefined;
}

export interface GapSources {
  /** The archived whole segments. */
  readonly runs: readonly SegmentRange[];
  readonly known: readonly KnownWal[];
  readonly acknowledged: readonly AcknowledgedGap[];
  readonly tree: TimelineTree;
  readonly geometry: WalGeometry;
}

/** The gaps by timeline and position; a gap is cut where an acknowledgement begins or ends. */
export function findGaps({ runs, known, acknowledged, tree, geometry }: GapSources): Gap[] {
  const removed = known.filter(({ sign }) => sign === 'removed');
  // A fork alone does not show that this repository ever had the timeline: it may have begun after the fork.
  const own = [...runs, ...known.filter(({ sign }) => sign !== 'removed' && sign !== 'history')];
  const forks = known.filter(({ sign }) => sign === 'history');
  return [...new Set(own.map(({ timeline }) => timeline))]
    .toSorted((a, b) => a - b)
    .flatMap(timeline => {
      // WAL below the fork belongs to the parent.
      const begin = geometry.segmentOf(tree.get(timeline)?.switchpoint ?? 0n);
      const isHere = (range: SegmentRange) => range.timeline === timeline && range.last >= begin;
      const here = own.filter(isHere);
      if (here.length === 0) return [];
      const first = greatest([least(here.map(range => range.first)), begin]);
      const last = greatest([...here, ...forks.filter(isHere)].map(range => range.last));
      return subtract({ timeline, first, last }, [...runs, ...removed]);
    })
    .flatMap(range => cut(range, acknowledged))
    .map(range => ({
      ...range,
      shownBy: isFollowed(range, runs) ? laterAreArchived : signOf(range, known),
      acknowledged: acknowledged.find(one => covers(one, range)),
    }));
}

const laterAreArchived = 'later segments are archived';

function isFollowed({ timeline, last }: SegmentRange, runs: readonly SegmentRange[]): boolean {
  return runs.some(run => run.timeline === timeline && run.first > last);
}

function signOf({ timeline, last }: SegmentRange, known: readonly KnownWal[]): string {
  return whatShows({ timeline, segment: last }, known)?.shownBy ?? laterAreArchived;
}

function least(values: readonly bigint[]): bigint {
  return values.reduce((a, b) => (b < a ? b : a));
}

function greatest(values: readonly bigint[]): bigint {
  return values.reduce((a, b) => (b > a ? b : a));
}
