/**
 * The five settings that replay needs at least as large as the server had them that wrote the WAL.
 *
 * Hot standby keeps the locks and snapshots of that server's transactions in shared memory of this size
 * (CheckRequiredParameterValues in xlogrecovery.c). PostgreSQL writes the values into `pg_control` and, when they
 * change, into the WAL (XLogReportParameters in xlog.c).
 */
import { infoMask, resourceManagers, type WalRecord } from './record.ts';

/** In the order of `xl_parameter_change` and of `pg_control`. */
export const replayMinimumNames = [
  'max_connections',
  'max_worker_processes',
  'max_wal_senders',
  'max_prepared_transactions',
  'max_locks_per_transaction',
] as const;

export type ReplayMinimumName = (typeof replayMinimumNames)[number];
export type ReplayMinimums = Readonly<Record<ReplayMinimumName, number>>;

/** XLOG_PARAMETER_CHANGE (pg_control.h). */
const xlogParameterChange = 0x60;

/** The values that this record announces; undefined for all other records. */
export function parameterChangeOf(record: WalRecord): ReplayMinimums | undefined {
  if (record.resourceManager !== resourceManagers.xlog) return undefined;
  if ((record.info & infoMask) !== xlogParameterChange || record.data.length < 20) return undefined;
  const { buffer, byteOffset, byteLength } = record.data;
  return replayMinimumsAt(new DataView(buffer, byteOffset, byteLength), 0);
}

export function replayMinimumsAt(view: DataView, offset: number): ReplayMinimums {
  const values = replayMinimumNames.map((name, index) => [name, view.getInt32(offset + 4 * index, true)]);
  return Object.fromEntries(values) as ReplayMinimums;
}

/** The larger value of each. */
export function largest(one: ReplayMinimums, other: ReplayMinimums): ReplayMinimums {
  const values = replayMinimumNames.map(name => [name, Math.max(one[name], other[name])]);
  return Object.fromEntries(values) as ReplayMinimums;
}
