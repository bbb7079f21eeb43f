/**
 * The check, before anything is written, that every object of the planned backup that it reads is there with its
 * recorded size (P13).
 */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { Log } from '../../observe/events/events.ts';
import { restoredPiecesOf, type BackupRecord } from '../../repository/format/backup-record.ts';
import { backupPrefix, type SystemPath } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';
import { missingPieces, whyNotWhole } from '../../repository/stored-backups.ts';
import type { ListEntry } from '../../stores/store.ts';
import { lineageOf } from '../../repository/backup/lineage.ts';
import { withLineage } from '../../repository/trust.ts';
import type { RestorePlan } from './plan.ts';
import type { RestoreSurvey } from './survey.ts';

export interface WholePlan {
  readonly plan: RestorePlan;
  /** The planned backup, and those that it builds on before it. */
  readonly lineage: readonly BackupRecord[];
  /** The listing of their objects. */
  readonly listed: readonly ListEntry[];
}

export interface WholeBackupSearch {
  readonly repository: Repository;
  readonly system: SystemPath;
  readonly survey: RestoreSurvey;
  /** The requested backup: if it is not whole, that is an error and not a warning. */
  readonly backupId: string | undefined;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Plans with the backups of the survey until the planned backup is whole: one that is not is left out, with a warning.
 * @throws WalvaultError `damaged` if the requested backup or every backup lacks objects
 */
export async function planWithWholeBackup(
  search: WholeBackupSearch,
  planWith: (survey: RestoreSurvey) => Promise<RestorePlan>,
): Promise<WholePlan> {
  const { backupId, log } = search;
  let { survey } = search;
  for (;;) {
    const plan = await planWith(survey);
    const { backup } = plan;
    const lineage = lineageIn(survey.backups, backup);
    const { listed, lacking } = await listLineage(search, lineage);
    if (lacking === undefined) return { plan, lineage, listed };
    const { problem } = lacking;
    const backups = withLineage(survey.backups.filter(({ id }) => id !== lacking.id));
    if (backupId !== undefined || backups.length === 0)
      throw new WalvaultError('damaged', `backup ${lacking.id} cannot be restored: ${problem}`, {
        hint: 'Bring its objects back (older versions of the bucket, `walvault copy` from another repository), or restore another backup that `walvault list` shows as whole.',
      });
    log.emit({ kind: 'backup-left-out', backup: lacking.id, problem });
    survey = { ...survey, backups };
  }
}

/** @throws WalvaultError `damaged` where a backup that it builds on is not here */
export function lineageIn(backups: readonly BackupRecord[], backup: BackupRecord): BackupRecord[] {
  const lineage = lineageOf(backup, id => backups.find(one => one.id === id));
  if (lineage !== undefined) return lineage;
  throw new WalvaultError('damaged', `backup ${backup.id} builds on ${backup.parent}, which is not here`);
}

async function listLineage(
  search: WholeBackupSearch,
  lineage: readonly BackupRecord[],
): Promise<{
  readonly listed: ListEntry[];
  readonly lacking?: { readonly id: string; readonly problem: string };
}> {
  const listed: ListEntry[] = [];
  for (const record of lineage) {
    const pieces = await listPieces(search, record);
    listed.push(...pieces);
    const missing = missingPieces(restoredPiecesOf(record), sizesBelow(search, record, pieces));
    const problem = whyNotWhole(missing);
    if (problem !== undefined) return { listed, lacking: { id: record.id, problem } };
  }
  return { listed };
}

/** Memory holds the listing of one backup: a few thousand entries for each terabyte. */
async function listPieces(
  { repository, system, signal }: WholeBackupSearch,
  { id }: BackupRecord,
): Promise<ListEntry[]> {
  return await Array.fromAsync(repository.store.list({ prefix: backupPrefix(system, id), signal }));
}

function sizesBelow(
  { system }: WholeBackupSearch,
  { id }: BackupRecord,
  listed: readonly ListEntry[],
): ReadonlyMap<string, number> {
  const prefix = backupPrefix(system, id);
  return new Map(
    listed.flatMap(entry =>
      'key' in entry ? [[entry.key.slice(prefix.length), entry.sizeBytes] as const] : [],
    ),
  );
}
