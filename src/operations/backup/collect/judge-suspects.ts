/** The damaged pages of a part, judged by what the server says once the part is written. */
import type { StartedBackup } from '../../../postgres/server/backup-control.ts';
import type { PgConnection } from '../../../postgres/server/connection.ts';
import { hasDataChecksums, newestLsn } from '../../../postgres/server/state.ts';
import type { DamagedPage } from '../../../repository/format/backup-record.ts';
import { damagedAmong, type SuspectPage } from '../../damaged-pages.ts';

/**
 * None if checksums are being turned off meanwhile: the server no longer keeps those of the pages that it writes.
 * @throws WalvaultError `postgres`
 */
export async function judgeSuspects(
  suspects: readonly SuspectPage[],
  connection: Pick<PgConnection, 'query'>,
  { startLsn, isStandby }: Pick<StartedBackup, 'startLsn' | 'isStandby'>,
): Promise<DamagedPage[]> {
  if (suspects.length === 0 || !(await hasDataChecksums(connection))) return [];
  return damagedAmong(suspects, { startLsn, currentLsn: await newestLsn(connection, isStandby) });
}
