/**
 * Compares a finished backup with the history of its cluster, and notes what falls out of it. The backup exists by now, and
 * nothing here makes it fail.
 */
import { startDeadline } from '../../../base/time/deadline.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { toPlainError } from '../../../base/errors/plain-error.ts';
import type { Log } from '../../../observe/events/events.ts';
import { isBelieved } from '../../../repository/encoding/signature-policy.ts';
import type { BackupRecord } from '../../../repository/format/backup-record.ts';
import { readCatalog } from '../../../repository/format/catalog.ts';
import type { SystemPath } from '../../../repository/format/layout.ts';
import {
  anomalyHint,
  anomalyNote,
  described,
  type DescribedAnomaly,
} from '../../../repository/format/notes/anomaly.ts';
import { writeNote } from '../../../repository/format/notes/note.ts';
import type { Repository } from '../../../repository/repository.ts';
import { findAnomalies, longestHistory } from './find-anomalies.ts';

const timeLimitMs = 60_000;

export interface AnomalyOptions {
  readonly system: SystemPath;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** The repositories have the same backups, as a rule: the first one tells the history. */
export async function noteAnomalies(
  repositories: readonly Repository[],
  record: BackupRecord,
  { system, log, signal }: AnomalyOptions,
): Promise<DescribedAnomaly[]> {
  const [first] = repositories;
  if (first === undefined) return [];
  const deadline = startDeadline(timeLimitMs, 'comparing the backup with earlier ones', signal);
  try {
    const found = findAnomalies(record, await earlierRecords(first, system, deadline.signal));
    const anomalies = described(found);
    if (anomalies.length === 0) return [];
    log.emit({
      kind: 'backup-anomaly',
      backup: record.id,
      descriptions: anomalies.map(({ description }) => description),
      hint: anomalyHint(anomalies),
    });
    for (const repository of repositories)
      await writeNote(repository, system, anomalyNote(record.id, found), deadline.signal);
    return anomalies;
  } catch (error) {
    if (!(error instanceof WalvaultError)) throw error;
    log.emit({ kind: 'anomalies-not-noted', backup: record.id, failure: toPlainError(error) });
    return [];
  } finally {
    deadline.clear();
  }
}

/** The records of the newest backups, by the times in their ids, that the policy believes: a few requests, however many there are. */
async function earlierRecords(
  repository: Repository,
  system: SystemPath,
  signal: AbortSignal,
): Promise<BackupRecord[]> {
  const { backups } = await readCatalog(repository, system, signal, { newest: longestHistory + 1 });
  const { policy } = repository.codec;
  return backups.flatMap(({ record, verdict }) => (isBelieved(verdict, policy) ? [record] : []));
}
