/** What a best-effort repository lacks of what the required ones hold. Pure. */
import { segmentName } from '../../postgres/wal/file-name.ts';
import type { WalRun } from '../../repository/wal/listing.ts';
import type { Backlog, RepositoryListing, SystemBacklog, SystemListing } from './listing.ts';

/** Undefined when there is nothing that can be compared: itself or every required repository cannot be read. */
export function findBacklog(
  own: RepositoryListing,
  required: readonly RepositoryListing[],
): Backlog | undefined {
  const readable = required.filter(({ problem }) => problem === undefined);
  if (own.problem !== undefined || readable.length === 0) return undefined;
  const systemIds = new Set(readable.flatMap(({ systems }) => systems.map(({ systemId }) => systemId)));
  const systems = [...systemIds].flatMap(systemId => {
    const theirs = readable.flatMap(listing =>
      listing.systems.filter(system => system.systemId === systemId),
    );
    const found = lacksOf(
      systemId,
      own.systems.find(system => system.systemId === systemId),
      theirs,
    );
    return found.backups.length + found.wal.length + found.histories.length > 0 ? [found] : [];
  });
  return { comparedWith: readable.map(({ name }) => name), systems };
}

function lacksOf(
  systemId: bigint,
  own: SystemListing | undefined,
  theirs: readonly SystemListing[],
): SystemBacklog {
  const idsOf = (system: SystemListing) => (system.backups ?? []).map(({ record }) => record.id);
  const historiesOf = (system: SystemListing) =>
    (system.timelines ?? []).filter(({ hasHistory }) => hasHistory).map(({ timeline }) => timeline);
  const missing = <T>(of: (system: SystemListing) => readonly T[]): T[] => {
    const mine = new Set(own === undefined ? [] : of(own));
    return [...new Set(theirs.flatMap(of))].filter(one => !mine.has(one));
  };
  const segmentSizeBytes = theirs.find(system => system.segmentSizeBytes !== undefined)?.segmentSizeBytes;
  return {
    systemId,
    backups: missing(idsOf),
    histories: missing(historiesOf),
    wal:
      segmentSizeBytes === undefined
        ? []
        : subtractRuns(
            theirs.flatMap(({ runs }) => runs ?? []),
            own?.runs ?? [],
          ).map(({ timeline, first, last }) => ({
            firstSegment: segmentName(timeline, first, segmentSizeBytes),
            lastSegment: segmentName(timeline, last, segmentSizeBytes),
            segmentCount: Number(last - first) + 1,
          })),
  };
}

type Range = Pick<WalRun, 'timeline' | 'first' | 'last'>;

/** What `all` (in any order, overlapping where several repositories hold the same) has and `own` has not. */
export function subtractRuns(all: readonly Range[], own: readonly Range[]): Range[] {
  const missing: Range[] = [];
  for (const { timeline, first, last } of union(all)) {
    let next = first;
    for (const run of own) {
      if (run.timeline !== timeline || run.last < next || run.first > last) continue;
      if (run.first > next) missing.push({ timeline, first: next, last: run.first - 1n });
      next = run.last + 1n;
    }
    if (next <= last) missing.push({ timeline, first: next, last });
  }
  return missing;
}

function union(ranges: readonly Range[]): Range[] {
  const sorted = ranges.toSorted(
    (a, b) => a.timeline - b.timeline || (a.first < b.first ? -1 : Number(a.first > b.first)),
  );
  const joined: Range[] = [];
  for (const range of sorted) {
    const before = joined.at(-1);
    if (before?.timeline === range.timeline && range.first <= before.last + 1n)
      joined[joined.length - 1] = { ...before, last: range.last > before.last ? range.last : before.last };
    else joined.push(range);
  }
  return joined;
}
