/** The state of a system for retention, gathered from a survey. */
import { needsSignature } from '../../repository/encoding/signature-policy.ts';
import { restoredPiecesOf } from '../../repository/format/backup-record.ts';
import type { ParentClaim } from '../../repository/format/claim.ts';
import { backupPrefix, claimKey, signatureKey } from '../../repository/format/layout.ts';
import type { SystemSurvey } from '../../repository/survey.ts';
import { missingPieces, type BackupDirectory } from '../../repository/stored-backups.ts';
import type { ArchivedTimelines, ReadableTimelines } from '../../repository/wal/timelines.ts';
import type { Stored, SystemState, UnfinishedBackup } from './state.ts';

/**
 * Gathers the state, in this order: the catalogue before the backup directories, so that a backup that commits in
 * between looks unfinished and recent, and is protected; histories before WAL, so that a timeline that begins in
 * between has an unknown origin, and nothing is removed.
 */
export async function gatherState(survey: SystemSurvey, now: Date): Promise<SystemState> {
  const catalog = await survey.catalog();
  const directories = await survey.backupDirectories();
  const geometry = (await survey.geometry()) ?? catalog.backups[0]?.record.geometry;
  const timelines = await survey.timelines();
  const { runs, stretches } =
    geometry === undefined ? { runs: [], stretches: [] } : await survey.wal(geometry);
  const planted = geometry === undefined ? new Set<number>() : await survey.plantedTimelines(geometry);
  return {
    systemId: survey.system.systemId,
    geometry,
    backups: catalog.backups.map(entry => {
      const directory = directories.get(entry.record.id);
      return {
        ...entry,
        ...storedOf(directory),
        isComplete: missingPieces(restoredPiecesOf(entry.record), directory?.sizes ?? new Map()).count === 0,
      };
    }),
    unreadable: await claimsOfUnreadable(survey),
    unfinished: await findUnfinished(survey),
    ...provenOf(timelines),
    wal: stretches.filter(({ timeline }) => !planted.has(timeline)),
    segments: runs,
    outdatedNotes: await findOutdatedNotes(survey, { geometry, wal: stretches, now }),
    restores: await survey.restoresInProgress(now),
    pinned: await survey.pinned(now),
    expiring: await survey.expiring(),
  };
}

/** The notes that decide nothing more, whoever reads them. */
async function findOutdatedNotes(
  survey: SystemSurvey,
  { geometry, wal, now }: Pick<SystemState, 'geometry' | 'wal'> & { readonly now: Date },
): Promise<string[]> {
  const { backups, unreadable } = await survey.catalog();
  const directories = await survey.backupDirectories();
  const ids = [...backups.map(({ record }) => record.id), ...unreadable.map(({ id }) => id)];
  const highWater = geometry === undefined ? [] : await survey.outdatedHighWater(geometry);
  return [
    ...highWater.map(({ key }) => key),
    ...(await survey.outdatedRestores(now)),
    ...(await survey.outdatedVerifications({
      geometry,
      wal,
      backups: new Set([...ids, ...directories.keys()]),
    })),
  ];
}

/** A branch that is not proven well enough is none to remove by. */
function provenOf(timelines: ArchivedTimelines): ReadableTimelines {
  const { tree, historyTimes, unusable, foreign, doubtful } = timelines;
  const why = 'no trusted signer signed it';
  return {
    tree: new Map([...tree].filter(([timeline]) => !doubtful.has(timeline))),
    historyTimes,
    unusable: new Map([...unusable, ...foreign, ...[...doubtful].map(one => [one, why] as const)]),
  };
}

function storedOf(directory: BackupDirectory | undefined): Stored {
  return { objectCount: directory?.objectCount ?? 0, storedBytes: directory?.storedBytes ?? 0 };
}

async function claimsOfUnreadable(survey: SystemSurvey): Promise<SystemState['unreadable']> {
  const directories = await survey.backupDirectories();
  const found: SystemState['unreadable'][number][] = [];
  for (const entry of (await survey.catalog()).unreadable)
    found.push({
      ...entry,
      claim: await claimOf(survey, entry.id, directories.get(entry.id)),
      ...storedOf(directories.get(entry.id)),
    });
  return found;
}

/** A claim is read only if it can tell something: anybody who can add objects can add very many. */
async function claimOf(
  survey: SystemSurvey,
  id: string,
  directory: BackupDirectory | undefined,
): Promise<ParentClaim> {
  const { repository, system } = survey;
  const names = directory?.sizes;
  const claim = claimKey(system, id);
  const isThere = (key: string) => names?.has(key.slice(backupPrefix(system, id).length)) === true;
  const isSigned = isThere(signatureKey(claim));
  if (needsSignature(repository.codec.removalPolicy))
    return isSigned ? await survey.parentOf(id) : { kind: 'unproven' };
  return isSigned || isThere(claim) ? await survey.parentOf(id) : { kind: 'unknown' };
}

async function findUnfinished(survey: SystemSurvey): Promise<UnfinishedBackup[]> {
  const { backups, unreadable } = await survey.catalog();
  const recorded = new Set([...backups.map(({ record }) => record.id), ...unreadable.map(({ id }) => id)]);
  const found: UnfinishedBackup[] = [];
  for (const [id, directory] of await survey.backupDirectories()) {
    if (recorded.has(id)) continue;
    const { lastModified, firstModified } = directory;
    found.push({
      id,
      claim: await claimOf(survey, id, directory),
      ...storedOf(directory),
      lastModified,
      firstModified,
    });
  }
  return found;
}
