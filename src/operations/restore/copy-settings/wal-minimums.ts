/**
 * The values that replay will meet on its way to the target, read from archived WAL. A server writes them when it
 * starts with other ones than before.
 */
import { walEventOf } from '../../../postgres/wal/commit-record.ts';
import { resourceManagers, type WalRecord } from '../../../postgres/wal/record.ts';
import { largest, parameterChangeOf, type ReplayMinimums } from '../../../postgres/wal/replay-minimums.ts';
import { stopsAt } from '../../../postgres/wal/segment-scan.ts';
import type { RestorePlan } from '../plan.ts';
import { eachRecord, readSegments, type EvidenceSource } from '../read-wal.ts';

/**
 * Reads the WAL from the backup to the target once; undefined if the values do not change on the way.
 * @throws StoreError, WalvaultError `damaged` and others when WAL cannot be read
 */
export async function minimumsOnTheWay(
  source: EvidenceSource,
  { wal, backup, target, stopsAt: stop }: RestorePlan,
): Promise<ReplayMinimums | undefined> {
  const first = wal[0];
  const last = wal.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const endLsn = stop?.lsn ?? (target.kind === 'immediate' ? backup.stopLsn : undefined);
  const isPast = (record: WalRecord): boolean =>
    (endLsn !== undefined && record.lsn > endLsn) ||
    (target.kind === 'time' && record.lsn >= backup.startLsn && stopsAt(target, record, walEventOf(record)));
  let needed: ReplayMinimums | undefined;
  const range = {
    bytes: readSegments(source, { pieces: wal }, first.first, last.last),
    startLsn: source.geometry.startLsn(first.first),
    isPast,
    wanted: [resourceManagers.xlog, resourceManagers.xact],
  };
  await eachRecord(source, range, record => {
    const change = record.lsn < backup.startLsn ? undefined : parameterChangeOf(record);
    if (change !== undefined) needed = needed === undefined ? change : largest(needed, change);
  });
  return needed;
}
