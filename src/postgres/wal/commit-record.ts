/** The records that recovery can stop at: ends of transactions, restore points, and segment switches. */
import { postgresMajorOfPageMagic } from './page-header.ts';
import type { Lsn } from './lsn.ts';
import { infoMask, resourceManagers, xlogSwitch, type WalRecord } from './record.ts';
import { timestampAt } from './timestamp.ts';

export type WalEvent =
  | {
      kind: 'commit' | 'abort';
      time: Date;
      /** Microseconds since 1970, as PostgreSQL stored them. */
      timeMicros: bigint;
      /** The top-level transaction; for COMMIT PREPARED and ROLLBACK PREPARED, the prepared transaction. */
      transactionId: number;
      lsn: Lsn;
      endLsn: Lsn;
    }
  | { kind: 'restore-point'; name: string; timeMicros: bigint; lsn: Lsn; endLsn: Lsn }
  | { kind: 'switch'; lsn: Lsn; endLsn: Lsn };

const xlogRestorePoint = 0x70;

/** xact.h, XLOG_XACT_OPMASK. */
const xactOperationMask = 0x70;
const xactCommit = 0x00;
const xactAbort = 0x20;
const xactCommitPrepared = 0x30;
const xactAbortPrepared = 0x40;
const xactHasInfo = 0x80;

/** The event that a record describes; undefined for all other records. */
export function walEventOf(record: WalRecord): WalEvent | undefined {
  if (record.resourceManager === resourceManagers.xact) return transactionEnd(record);
  if (record.resourceManager !== resourceManagers.xlog) return undefined;
  const { lsn, endLsn } = record;
  const operation = record.info & infoMask;
  if (operation === xlogSwitch) return { kind: 'switch', lsn, endLsn };
  if (operation !== xlogRestorePoint || record.data.length < 9) return undefined;
  const nameBytes = record.data.subarray(8, 8 + 64);
  const nameEnd = nameBytes.indexOf(0);
  const name = Buffer.from(nameEnd === -1 ? nameBytes : nameBytes.subarray(0, nameEnd)).toString('utf8');
  return { kind: 'restore-point', name, timeMicros: timestampAt(viewOf(record.data), 0), lsn, endLsn };
}

function transactionEnd(record: WalRecord): WalEvent | undefined {
  const operation = record.info & xactOperationMask;
  const isCommit = operation === xactCommit || operation === xactCommitPrepared;
  const isAbort = operation === xactAbort || operation === xactAbortPrepared;
  if ((!isCommit && !isAbort) || record.data.length < 8) return undefined;
  const isPrepared = operation === xactCommitPrepared || operation === xactAbortPrepared;
  const timeMicros = timestampAt(viewOf(record.data), 0);
  return {
    kind: isCommit ? 'commit' : 'abort',
    time: new Date(Number(timeMicros / 1000n)),
    timeMicros,
    transactionId: (isPrepared ? preparedTransactionId(record) : undefined) ?? record.transactionId,
    lsn: record.lsn,
    endLsn: record.endLsn,
  };
}

/**
 * Sections of a commit or abort record in their order. A bit of `xinfo` says that a section is present (xactdesc.c,
 * ParseCommitRecord).
 */
const hasDatabase = 1 << 0;
const hasSubtransactions = 1 << 1;
const hasRelationFiles = 1 << 2;
const hasInvalidations = 1 << 3;
const hasTwoPhase = 1 << 4;
const hasDroppedStatistics = 1 << 8;

function preparedTransactionId(record: WalRecord): number | undefined {
  const { data } = record;
  if ((record.info & xactHasInfo) === 0 || data.length < 12) return undefined;
  const view = viewOf(data);
  const sections = view.getUint32(8, true);
  // Object ids of dropped statistics have 64 bits since 18.
  const statisticsBytes = (postgresMajorOfPageMagic(record.magic) ?? 18) >= 18 ? 16 : 12;
  let at = 12;
  const skipList = (section: number, itemBytes: number): void => {
    if ((sections & section) === 0 || at + 4 > data.length) return;
    at += 4 + view.getUint32(at, true) * itemBytes;
  };
  if ((sections & hasDatabase) !== 0) at += 8;
  skipList(hasSubtransactions, 4);
  skipList(hasRelationFiles, 12);
  skipList(hasDroppedStatistics, statisticsBytes);
  skipList(hasInvalidations, 16);
  return (sections & hasTwoPhase) === 0 || at + 4 > data.length ? undefined : view.getUint32(at, true);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
