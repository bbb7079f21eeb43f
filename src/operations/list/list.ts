/** `walvault list`: the backups and WAL of each repository. It only reads, and never needs a private key. */
import { nameRange } from '../../postgres/wal/segment-range.ts';
import { formatLsn } from '../../postgres/wal/lsn.ts';
import { storedBytesOf } from '../../repository/format/backup-record.ts';
import type { CatalogEntry } from '../../repository/format/catalog.ts';
import { listSystemIds } from '../../repository/format/cluster-record.ts';
import type { SystemPath } from '../../repository/format/layout.ts';
import { verifyMarker } from '../../repository/format/marker.ts';
import type { Repository } from '../../repository/repository.ts';
import { surveySystem } from '../../repository/survey.ts';
import { neededSegments } from '../../repository/wal/needed.ts';
import { findBacklog } from './backlog.ts';
import type { ListedBackup, RepositoryListing, SystemListing } from './listing.ts';
import { describeTimelines } from './timelines.ts';

export interface ListingOptions {
  /** All repositories: a best-effort repository is compared with the required ones. */
  readonly repositories: readonly Repository[];
  /** The name of the repository to list; undefined: all. */
  readonly only?: string | undefined;
  readonly cluster: string;
  readonly what: 'all' | 'backups' | 'wal';
  readonly signal: AbortSignal;
}

/** Lists the repositories. An unreadable repository does not make it throw: its listing has a `problem`. */
export async function list(options: ListingOptions): Promise<RepositoryListing[]> {
  const { repositories, only, signal } = options;
  const isWanted = ({ name }: { readonly name: string }) => only === undefined || name === only;
  const needsComparison = repositories.some(repository => isWanted(repository) && !repository.required);
  const listings: RepositoryListing[] = [];
  for (const repository of repositories) {
    if (!isWanted(repository) && !(needsComparison && repository.required)) continue;
    listings.push(await listRepository(options, repository));
    signal.throwIfAborted();
  }
  const required = listings.filter(listing => listing.required);
  return listings
    .filter(isWanted)
    .map(listing => (listing.required ? listing : { ...listing, backlog: findBacklog(listing, required) }));
}

async function listRepository(options: ListingOptions, repository: Repository): Promise<RepositoryListing> {
  const { name, required, store } = repository;
  const systems: SystemListing[] = [];
  let problem: Error | undefined;
  try {
    await verifyMarker(repository, options.signal);
    for (const systemId of await listSystemIds(store, options.cluster, options.signal))
      systems.push(await listSystem(options, repository, { cluster: options.cluster, systemId }));
  } catch (error) {
    problem = error instanceof Error ? error : new Error(String(error));
  }
  return { name, url: store.url, required, backlog: undefined, systems, problem };
}

async function listSystem(
  { what, signal }: ListingOptions,
  repository: Repository,
  system: SystemPath,
): Promise<SystemListing> {
  const survey = surveySystem(repository, system, signal);
  const cluster = await survey.clusterRecord();
  const catalog = what === 'wal' ? undefined : await survey.catalog();
  const pinned = catalog && (await survey.pinned());
  const hasTiers = repository.store.thaw !== undefined;
  const directories = catalog && hasTiers ? await survey.backupDirectories() : undefined;
  const geometry = cluster?.geometry;
  const runs = what === 'backups' || geometry === undefined ? undefined : (await survey.wal(geometry)).runs;
  return {
    systemId: system.systemId,
    postgresMajor: cluster?.postgresMajor,
    geometry,
    backups: catalog?.backups.map(entry => {
      const { id } = entry.record;
      return describeBackup(entry, {
        isPinned: pinned?.has(id) === true,
        cold: directories?.get(id)?.cold ?? {},
      });
    }),
    unreadable: catalog?.unreadable,
    timelines:
      runs === undefined || geometry === undefined
        ? undefined
        : describeTimelines({
            runs,
            lost: await survey.missingWal(geometry),
            tree: (await survey.timelines()).tree,
            geometry,
          }),
    runs,
  };
}

function describeBackup(entry: CatalogEntry, found: Pick<ListedBackup, 'isPinned' | 'cold'>): ListedBackup {
  const { startLsn, stopLsn, timeline, geometry } = entry.record;
  // A record that contradicts itself has no needed segments.
  const whole = geometry.rangeOf(timeline, startLsn, stopLsn);
  const needed = neededSegments(entry.record);
  return {
    ...entry,
    startLsn: formatLsn(startLsn),
    stopLsn: formatLsn(stopLsn),
    startSegment: nameRange(needed[0] ?? whole, geometry).firstSegment,
    stopSegment: nameRange(needed.at(-1) ?? whole, geometry).lastSegment,
    storedBytes: storedBytesOf(entry.record),
    ...found,
  };
}
