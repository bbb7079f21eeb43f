/** A survey as retention wants it. */
import type { SystemSurvey } from '../../repository/survey.ts';
import { piecesOf, type BackupRecord } from '../../repository/format/backup-record.ts';
import type { BackupDirectory } from '../../repository/stored-backups.ts';
import type { Stored, SystemState, UnfinishedBackup } from './state.ts';

/**
 * The catalogue is read before the backup directories: a backup that commits in between then looks unfinished and
 * fresh, and is protected. Histories are read before WAL: a timeline that begins in between is then of unknown origin,
 * and nothing is removed.
 */
export async function gatherState(survey: SystemSurvey): Promise<SystemState> {
  const catalog = await survey.catalog();
  const directories = await survey.backupDirectories();
  const cluster = await survey.clusterRecord();
  const geometry = cluster?.geometry ?? catalog.backups[0]?.record.geometry;
  const timelines = await survey.timelines();
  const { runs, stretches } =
    geometry === undefined ? { runs: [], stretches: [] } : await survey.wal(geometry);
  return {
    systemId: survey.system.systemId,
    geometry,
    backups: catalog.backups.map(entry => {
      const directory = directories.get(entry.record.id);
      return { ...entry, ...storedOf(directory), isComplete: isComplete(entry.record, directory) };
    }),
    unreadable: await claimsOfUnreadable(survey),
    unfinished: await findUnfinished(survey),
    ...timelines,
    wal: stretches,
    segments: runs,
    pinned: await survey.pinned(),
    expiring: await survey.expiring(),
  };
}

function storedOf(directory: BackupDirectory | undefined): Stored {
  return { objectCount: directory?.objectCount ?? 0, storedBytes: directory?.storedBytes ?? 0 };
}

function isComplete(record: BackupRecord, directory: BackupDirectory | undefined): boolean {
  return piecesOf(record).every(
    ({ name, storedSizeBytes }) => directory?.sizes.get(name) === storedSizeBytes,
  );
}

async function claimsOfUnreadable(survey: SystemSurvey): Promise<SystemState['unreadable']> {
  const directories = await survey.backupDirectories();
  const found: SystemState['unreadable'][number][] = [];
  for (const entry of (await survey.catalog()).unreadable)
    found.push({
      ...entry,
      claim: await survey.parentOf(entry.id),
      ...storedOf(directories.get(entry.id)),
    });
  return found;
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
      claim: await survey.parentOf(id),
      ...storedOf(directory),
      lastModified,
      firstModified,
    });
  }
  return found;
}
