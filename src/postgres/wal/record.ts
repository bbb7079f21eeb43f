/**
 * A decoded WAL record, and the constants that tell kinds of records apart (rmgrlist.h, pg_control.h, xlogrecord.h).
 */
import type { Lsn } from './lsn.ts';

export const resourceManagers = { xlog: 0, xact: 1, database: 4, tablespace: 5, heap: 10 } as const;

/** XLOG_SWITCH: the rest of its segment holds no records. */
export const xlogSwitch = 0x40;
/** XLOG_CHECKPOINT_ONLINE. */
export const checkpointOnline = 0x10;
export const infoMask = 0xf0;

export interface WalRecord {
  /** Where the record starts, as pg_waldump prints it. */
  lsn: Lsn;
  /** Where the next record may start; for a switch, the start of the next segment (EndRecPtr). */
  endLsn: Lsn;
  resourceManager: number;
  info: number;
  transactionId: number;
  /** Main data of records of the wanted resource managers, cut at 64 MiB; empty for all others. */
  data: Uint8Array;
  /** All that follows the header, under the same conditions: see `blocksOf`. */
  body: Uint8Array;
  /** XLOG_PAGE_MAGIC of the record's pages: layouts inside the data depend on it. */
  magic: number;
}
