/**
 * The names of WAL summaries, `pg_wal/summaries/<timeline><start LSN><end LSN>.summary`, from PostgreSQL 17 on
 * (IsWalSummaryFilename and GetWalSummaries in walsummary.c).
 */
import { formatHex8 } from '../file-name.ts';
import type { Lsn } from '../lsn.ts';

/** The directory, below `pg_wal`. */
export const summariesDirectory = 'summaries';

/** One summary: what the records from `startLsn` to `endLsn`, exclusive, have changed on one timeline. */
export interface WalSummary {
  readonly timeline: number;
  readonly startLsn: Lsn;
  readonly endLsn: Lsn;
}

/** Undefined for any other name, such as that of a summary which is being written (`temp.summary`). */
export function parseWalSummaryName(name: string): WalSummary | undefined {
  const match = /^([0-9A-F]{8})([0-9A-F]{16})([0-9A-F]{16})\.summary$/.exec(name);
  if (match === null) return undefined;
  const [timeline, startLsn, endLsn] = [
    Number(`0x${match[1]}`),
    BigInt(`0x${match[2]}`),
    BigInt(`0x${match[3]}`),
  ];
  return timeline === 0 || endLsn <= startLsn ? undefined : { timeline, startLsn, endLsn };
}

export function walSummaryName({ timeline, startLsn, endLsn }: WalSummary): string {
  const hex16 = (lsn: Lsn) => formatHex8(lsn >> 32n) + formatHex8(lsn & 0xffff_ffffn);
  return `${formatHex8(timeline)}${hex16(startLsn)}${hex16(endLsn)}.summary`;
}
