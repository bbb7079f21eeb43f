/**
 * The values that replay will meet on its way to the target, read from archived WAL. A server writes them when it
 * starts with other ones than before.
 */
import { walEventOf } from '../../../postgres/wal/commit-record.ts';
import type { Lsn } from '../../../postgres/wal/lsn.ts';
import type { WalRecord } from '../../../postgres/wal/record.ts';
import { WalRecordDecoder } from '../../../postgres/wal/record-decoder.ts';
import { largest, parameterChangeOf, type ReplayMinimums } from '../../../postgres/wal/replay-minimums.ts';
import { stopsAt } from '../../../postgres/wal/segment-scan.ts';
import type { RestorePlan } from '../plan.ts';
import { readSegments, type EvidenceSource } from '../read-wal.ts';

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
  const { geometry, signal } = source;
  const endLsn: Lsn | undefined = stop?.lsn ?? (target.kind === 'immediate' ? backup.stopLsn : undefined);
  const isPast = (record: WalRecord): boolean =>
    (endLsn !== undefined && record.lsn > endLsn) ||
    (target.kind === 'time' && stopsAt(target, record, walEventOf(record)));
  let needed: ReplayMinimums | undefined;
  let isDone = false;
  const decoder = new WalRecordDecoder({ startLsn: geometry.startLsn(first.first), geometry }, record => {
    if (record.lsn < backup.startLsn) return;
    isDone ||= isPast(record);
    const change = isDone ? undefined : parameterChangeOf(record);
    if (change !== undefined) needed = needed === undefined ? change : largest(needed, change);
  });
  for await (const chunk of readSegments(source, { pieces: wal }, first.first, last.last)) {
    signal.throwIfAborted();
    decoder.push(chunk);
    if (isDone || decoder.stoppedBecause !== undefined) break;
  }
  return needed;
}
