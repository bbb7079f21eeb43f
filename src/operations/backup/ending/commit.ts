/** The last write of a backup. */
import { startDeadline } from '../../../base/time/deadline.ts';
import { retryUntilDeadline } from '../../../base/time/retry.ts';
import type { BackupRecord } from '../../../repository/format/backup-record.ts';
import { writeBackupRecord } from '../../../repository/format/catalog.ts';
import type { SystemPath } from '../../../repository/format/layout.ts';
import type { Destinations } from '../destinations.ts';

const commitTimeoutMs = 60_000;

/**
 * Writes the commit record in each repository. From the first attempt on the pieces there are never discarded: an
 * answer that was lost is not a record that was not written, and a record without its parts would be a lie (P4).
 */
export async function commitBackup(
  destinations: Destinations,
  system: SystemPath,
  record: BackupRecord,
  signal: AbortSignal,
): Promise<void> {
  await destinations.inEach(async repository => {
    const what = `commit backup ${record.id} in repository "${repository.name}"`;
    const deadline = startDeadline(commitTimeoutMs, what, signal);
    try {
      destinations.committing.add(repository);
      await retryUntilDeadline(
        () => writeBackupRecord(repository, system, record, deadline.signal),
        deadline,
      );
    } finally {
      deadline.clear();
    }
  });
}
