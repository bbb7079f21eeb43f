/** `walvault list`: the backups and WAL of each repository. It only reads, and never needs a private key. */
import { nameRange, subtract, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import { formatLsn } from '../../postgres/wal/lsn.ts';
import {
  isEncrypted,
  piecesOf,
  storedBytesOf,
  type BackupRecord,
} from '../../repository/format/backup-record.ts';
import type { CatalogEntry } from '../../repository/format/catalog.ts';
import { described } from '../../repository/format/notes/anomaly.ts';
import { verifyMarker } from '../../repository/format/marker.ts';
import type { Repository } from '../../repository/repository.ts';
import { missingPieces, whyNotWhole } from '../../repository/stored-backups.ts';
import { refuseUnknownCluster } from '../../repository/known-cluster.ts';
import { describeSideBySide, newestOf, systemsSideBySide } from '../../repository/live-systems.ts';
import { surveySystems, type SystemSurvey } from '../../repository/survey.ts';
import { findMissing } from '../../repository/wal/listing.ts';
import { neededSegments } from '../../repository/wal/needed.ts';
import { describeOverdue, findOverdueBackup } from '../overdue-backup.ts';
import { findBacklog } from './backlog.ts';
import type { ListedBackup, RepositoryListing, SystemListing } from './listing.ts';
import { listRestorePoints } from './restore-points.ts';
import { select, type Selection } from './selection.ts';
import { describeTimelines } from './timelines.ts';
import { verifiedOf } from './verified.ts';

/** `all` is backups and WAL. */
export type ListedKind = 'all' | 'backups' | 'wal' | 'timelines' | 'restore-points';

export interface ListingOptions {
  /** All repositories: a best-effort repository is compared with the required ones. */
  readonly repositories: readonly Repository[];
  /** The name of the repository to list; undefined: all. */
  readonly only?: string | undefined;
  readonly cluster: string;
  readonly what: ListedKind;
  readonly selection?: Selection;
  /** How often a backup is expected; undefined: none is. */
  readonly backupIntervalMs?: number | undefined;
  /** Pins that have ended by then count no more. */
  readonly now?: Date;
  readonly signal: AbortSignal;
}

/**
 * Lists the repositories. An unreadable repository does not make it throw: its listing has a `problem`.
 * @throws WalvaultError `not-found` if they hold other clusters and not this one, or not the selected system
 */
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
  if (listings.every(({ systems, problem }) => systems.length === 0 && problem === undefined))
    await refuseUnknownCluster(repositories.filter(isWanted), options.cluster, signal);
  const required = listings.filter(listing => listing.required);
  const whole = listings
    .filter(isWanted)
    .map(listing => (listing.required ? listing : { ...listing, backlog: findBacklog(listing, required) }));
  return select(whole, options.selection ?? {});
}

async function listRepository(options: ListingOptions, repository: Repository): Promise<RepositoryListing> {
  const { name, required, store } = repository;
  const systems: SystemListing[] = [];
  let problem: Error | undefined;
  try {
    await verifyMarker(repository, options.signal);
    for (const survey of await surveySystems(repository, options.cluster, options.signal))
      systems.push(await listSystem(options, survey));
  } catch (error) {
    problem = error instanceof Error ? error : new Error(String(error));
  }
  const sideBySide = systemsSideBySide(
    systems.map(({ systemId, firstSeen, runs }) => ({ systemId, firstSeen, lastArchivedAt: newestOf(runs) })),
  ).map(({ systemId }) => systemId);
  const sideBySideProblem = sideBySide.length === 0 ? undefined : describeSideBySide(sideBySide);
  return {
    name,
    url: store.url,
    required,
    backlog: undefined,
    systems,
    sideBySide,
    sideBySideProblem,
    problem,
  };
}

async function listSystem(options: ListingOptions, survey: SystemSurvey): Promise<SystemListing> {
  const { what, backupIntervalMs, now = new Date(), signal } = options;
  const cluster = await survey.clusterRecord();
  const geometry = await survey.geometry();
  const withBackups = what === 'all' || what === 'backups';
  const withWal = what === 'all' || what === 'wal' || what === 'timelines';
  const runs = withWal && geometry !== undefined ? (await survey.wal(geometry)).runs : undefined;
  const listed = {
    systemId: survey.system.systemId,
    postgresMajor: cluster?.postgresMajor,
    firstSeen: cluster?.firstSeen,
    geometry,
    ...(withBackups
      ? await listBackups(survey, { runs, now, signal })
      : { backups: undefined, unreadable: undefined }),
    timelines:
      runs === undefined || geometry === undefined
        ? undefined
        : describeTimelines({
            runs,
            lost: await survey.missingWal(geometry),
            gaps: await survey.gaps(geometry),
            removed: await survey.removedWal(geometry),
            backups: (await survey.believedBackups()).map(({ record }) => record),
            ...(await survey.timelines()),
            geometry,
          }),
    runs,
    restorePoints: what === 'restore-points' ? await listRestorePoints(survey) : undefined,
  };
  const overdue =
    runs === undefined || !withBackups
      ? undefined
      : findOverdueBackup({
          intervalMs: backupIntervalMs,
          backups: await survey.believedBackups(),
          firstSeen: cluster?.firstSeen,
          lastArchivedAt: newestOf(runs),
          now,
        });
  const { count, first } = survey.passedOver;
  return { ...listed, overdue: overdue && describeOverdue(overdue), passedOver: { count, first } };
}

/** Of records that cannot be used. */
const mostNamed = 100;

async function listBackups(
  survey: SystemSurvey,
  {
    runs,
    now,
    signal,
  }: {
    readonly runs: readonly SegmentRange[] | undefined;
    readonly now: Date;
    readonly signal: AbortSignal;
  },
): Promise<Pick<SystemListing, 'backups' | 'unreadable'>> {
  const catalog = await survey.catalog();
  const pins = await survey.pins(now);
  const verified = await survey.verifiedParts();
  const anomalies = await survey.anomalies();
  const directories = await survey.backupDirectories();
  const backups: ListedBackup[] = [];
  for (const entry of catalog.backups) {
    const { id, geometry } = entry.record;
    const directory = directories.get(id);
    const missingObjects = missingPieces(piecesOf(entry.record), directory?.sizes ?? new Map());
    const missing = await missingWal(survey, entry.record, runs, signal);
    backups.push(
      describeBackup(entry, {
        pins: pins.get(id) ?? [],
        verified: verifiedOf(entry.record, verified),
        anomalies: described(anomalies.get(id) ?? []),
        cold: directory?.cold ?? {},
        missingObjects,
        whyNotWhole: whyNotWhole(missingObjects),
        missingWal: missing.map(range => nameRange(range, geometry)),
      }),
    );
  }
  const { length: count } = catalog.unreadable;
  return { backups, unreadable: { count, first: catalog.unreadable.slice(0, mostNamed) } };
}

/** Without a listing of all WAL, this lists only the few segments that the backup needs. */
async function missingWal(
  { repository, system }: SystemSurvey,
  record: BackupRecord,
  runs: readonly SegmentRange[] | undefined,
  signal: AbortSignal,
): Promise<SegmentRange[]> {
  const needed = neededSegments(record);
  if (runs !== undefined) return needed.flatMap(range => subtract(range, runs));
  const { geometry } = record;
  const missing: SegmentRange[] = [];
  for (const range of needed)
    for await (const one of findMissing(repository, system, range, { geometry, signal })) missing.push(one);
  return missing;
}

function describeBackup(
  entry: CatalogEntry,
  found: Pick<
    ListedBackup,
    'pins' | 'verified' | 'anomalies' | 'cold' | 'missingObjects' | 'whyNotWhole' | 'missingWal'
  >,
): ListedBackup {
  const { startLsn, stopLsn, startTime, stopTime, timeline, geometry } = entry.record;
  const storedBytes = storedBytesOf(entry.record);
  // A record that contradicts itself has no needed segments.
  const whole = geometry.rangeOf(timeline, startLsn, stopLsn);
  const needed = neededSegments(entry.record);
  return {
    ...entry,
    startLsn: formatLsn(startLsn),
    stopLsn: formatLsn(stopLsn),
    startSegment: nameRange(needed[0] ?? whole, geometry).firstSegment,
    stopSegment: nameRange(needed.at(-1) ?? whole, geometry).lastSegment,
    isEncrypted: isEncrypted(entry.record),
    storedBytes,
    ratio: storedBytes === 0 ? undefined : entry.record.sizeBytes / storedBytes,
    durationMs: stopTime.getTime() - startTime.getTime(),
    ...found,
  };
}
