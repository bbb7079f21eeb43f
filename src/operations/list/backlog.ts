/** The objects of the required repositories that a best-effort repository lacks. Pure. */
import { nameRange, subtract, union } from '../../postgres/wal/segment-range.ts';
import type { Backlog, RepositoryListing, SystemBacklog, SystemListing } from './listing.ts';

/** The backlog of a repository. Undefined if it, or every required repository, cannot be read. */
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
  const geometry = theirs.find(system => system.geometry !== undefined)?.geometry;
  const archived = union(theirs.flatMap(({ runs }) => runs ?? []));
  return {
    systemId,
    backups: missing(idsOf),
    histories: missing(historiesOf),
    wal:
      geometry === undefined
        ? []
        : archived
            .flatMap(range => subtract(range, own?.runs ?? []))
            .map(range => nameRange(range, geometry)),
  };
}
