/** The facts of one repository, by the one survey of each system. */
import { hasRules, retentionFor } from '../../config/index.ts';
import { orAborted } from '../../base/time/wait.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { restoredPiecesOf, storedBytesOf } from '../../repository/format/backup-record.ts';
import type { CatalogEntry } from '../../repository/format/catalog.ts';
import { verifyMarker } from '../../repository/format/marker.ts';
import type { Repository } from '../../repository/repository.ts';
import { missingPieces, whyNotWhole, type BackupDirectory } from '../../repository/stored-backups.ts';
import { surveySystems, type SystemSurvey } from '../../repository/survey.ts';
import { hasUsablePositions, whyNotUsed } from '../../repository/trust.ts';
import { directoryOfUrl } from '../../stores/url.ts';
import { surveyAround } from '../restore/survey.ts';
import type { ArchiveFacts, BackupFacts, RepositoryFacts, SystemFacts } from './facts.ts';
import { readDisk } from './read-disk.ts';
import type { StatusOptions } from './options.ts';
import { factOf } from './unknown.ts';

export async function gatherRepository(
  repository: Repository,
  { config, now, signal }: Pick<StatusOptions, 'config' | 'now' | 'signal'>,
): Promise<RepositoryFacts> {
  const { name, required, store } = repository;
  const settings = config.repositories.find(one => one.name === name);
  const directory = directoryOfUrl(settings?.url ?? store.url);
  const [systems, disk] = await Promise.all([
    // A directory that hangs takes no signal.
    factOf(() => orAborted(gatherSystems(repository, config.cluster, { now, signal }), signal)),
    directory === undefined ? undefined : factOf(() => readDisk(directory, signal)),
  ]);
  return {
    name,
    url: store.url,
    required,
    pricePerGib: settings?.pricePerGib,
    hasRetention: hasRules(retentionFor(config, name)),
    systems,
    disk,
  };
}

async function gatherSystems(
  repository: Repository,
  cluster: string,
  { now, signal }: Pick<StatusOptions, 'now' | 'signal'>,
): Promise<SystemFacts[]> {
  await verifyMarker(repository, signal);
  return await Promise.all(
    (await surveySystems(repository, cluster, signal)).map(survey => gatherSystem(survey, now)),
  );
}

async function gatherSystem(survey: SystemSurvey, now: Date): Promise<SystemFacts> {
  const [cluster, catalog, directories, anomalies, verified, restores] = await Promise.all([
    survey.clusterRecord(),
    survey.catalog(),
    survey.backupDirectories(),
    survey.anomalies(),
    survey.lastVerifications(),
    survey.restoresInProgress(now),
  ]);
  const geometry = await survey.geometry();
  const backups = (await survey.believedBackups()).map(entry =>
    factsOf(entry, directories.get(entry.record.id), survey),
  );
  const archive = geometry && (await gatherArchive(survey, backups, geometry));
  const recorded = new Set([
    ...catalog.backups.map(({ record }) => record.id),
    ...catalog.unreadable.map(({ id }) => id),
  ]);
  const { count, first } = survey.passedOver;
  return {
    systemId: survey.system.systemId,
    firstSeen: cluster?.firstSeen,
    archive,
    backups,
    unreadable: { count: catalog.unreadable.length, first: catalog.unreadable[0]?.problem },
    passedOver: { count, first: first[0] },
    anomalies,
    verified,
    restores,
    backupBytes: [...directories.values()].reduce((sum, { storedBytes }) => sum + storedBytes, 0),
    unfinished: [...directories]
      .filter(([id]) => !recorded.has(id))
      .map(([id, { lastModified }]) => ({ id, lastSignAt: lastModified })),
  };
}

function factsOf(
  entry: CatalogEntry,
  directory: BackupDirectory | undefined,
  { repository }: SystemSurvey,
): BackupFacts {
  const { record } = entry;
  const lack = whyNotWhole(missingPieces(restoredPiecesOf(record), directory?.sizes ?? new Map()));
  const problem =
    whyNotUsed(entry, repository.codec.policy) ??
    (hasUsablePositions(entry) ? undefined : 'has positions that contradict each other') ??
    (lack === undefined ? undefined : `is not whole: ${lack}`);
  return { ...entry, storedBytes: storedBytesOf(record), problem };
}

async function gatherArchive(
  survey: SystemSurvey,
  backups: readonly BackupFacts[],
  geometry: WalGeometry,
): Promise<ArchiveFacts> {
  const restorable = backups.filter(({ problem }) => problem === undefined).map(({ record }) => record);
  return {
    geometry,
    survey: await surveyAround(survey, restorable, geometry),
    days: (await survey.wal(geometry)).days,
    gaps: await survey.gaps(geometry),
    lost: await survey.openLosses(geometry),
  };
}
