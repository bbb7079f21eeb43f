/**
 * One pass over consecutive segments for the facts that a restore needs: commit times, restore points, and whether
 * recovery would stop there. It takes little memory.
 */
import type { ByteStream } from '../../base/bytes/streams.ts';
import { walEventOf, type WalEvent } from './commit-record.ts';
import type { Lsn } from './lsn.ts';
import type { WalRecord } from './record.ts';
import { WalRecordDecoder, type DecoderOptions } from './record-decoder.ts';

export type RestorePoint = WalEvent & { kind: 'restore-point' };

export interface WalScan {
  /** The earliest and latest time of a commit or abort, to which `recovery_target_time` is compared. */
  firstCommitTimeMicros?: bigint;
  lastCommitTimeMicros?: bigint;
  /** The first 10,000 restore points. */
  restorePoints: RestorePoint[];
  commits: number;
  aborts: number;
  records: number;
  /** End of the last valid record; the start of the bytes if there is none. */
  endLsn: Lsn;
  /** Why decoding ended before the bytes did; undefined if every record was valid. */
  stoppedBecause?: string;
}

export interface ScanOptions extends DecoderOptions {
  readonly signal?: AbortSignal;
  /** Records that start before this are not counted: recovery begins here, not at the start of the segment. */
  readonly fromLsn?: Lsn;
}

/** The recovery target. `inclusive` is true by default, as in PostgreSQL. */
export type WalTarget =
  | { readonly kind: 'time'; readonly timeMicros: bigint; readonly inclusive?: boolean }
  | { readonly kind: 'xid'; readonly transactionId: number; readonly inclusive?: boolean }
  | { readonly kind: 'lsn'; readonly lsn: Lsn; readonly inclusive?: boolean }
  | { readonly kind: 'name'; readonly name: string };

export interface TargetScan extends WalScan {
  /** The record at which recovery stops, if the segments have it; no record after it has been counted. */
  reachedAt?: { lsn: Lsn; endLsn: Lsn; timeMicros?: bigint };
}

const restorePointLimit = 10_000;

export async function scanSegment(source: ByteStream, options: ScanOptions): Promise<WalScan> {
  return scan(source, options, () => false);
}

/** Reads until the target is reached or the bytes end. */
export async function scanForTarget(
  source: ByteStream,
  options: ScanOptions,
  target: WalTarget,
): Promise<TargetScan> {
  return scan(source, options, (record, event) => stopsAt(target, record, event));
}

/**
 * True if recovery stops just before or just after this record (xlogrecovery.c, recoveryStopsBefore and
 * recoveryStopsAfter). Times and transactions are looked for only in ends of transactions. Of several restore points
 * with one name, the first counts. An LSN is reached by a record that starts there or later, so the end of all WAL is
 * never reached.
 */
export function stopsAt(target: WalTarget, record: { lsn: Lsn }, event: WalEvent | undefined): boolean {
  if (target.kind === 'lsn') return record.lsn >= target.lsn;
  if (target.kind === 'name') return event?.kind === 'restore-point' && event.name === target.name;
  if (event?.kind !== 'commit' && event?.kind !== 'abort') return false;
  if (target.kind === 'xid') return event.transactionId === target.transactionId;
  return target.inclusive === false
    ? event.timeMicros >= target.timeMicros
    : event.timeMicros > target.timeMicros;
}

async function scan(
  source: ByteStream,
  options: ScanOptions,
  isReached: (record: WalRecord, event: WalEvent | undefined) => boolean,
): Promise<TargetScan> {
  const result: TargetScan = {
    restorePoints: [],
    commits: 0,
    aborts: 0,
    records: 0,
    endLsn: options.startLsn,
  };
  const decoder = new WalRecordDecoder(options, record => {
    if (result.reachedAt !== undefined || (options.fromLsn !== undefined && record.lsn < options.fromLsn))
      return;
    const event = walEventOf(record);
    if (isReached(record, event)) {
      const { lsn, endLsn } = record;
      result.reachedAt = { lsn, endLsn };
      if (event !== undefined && event.kind !== 'switch') result.reachedAt.timeMicros = event.timeMicros;
    }
    count(result, event);
    result.endLsn = record.endLsn;
  });
  for await (const chunk of source) {
    options.signal?.throwIfAborted();
    decoder.push(chunk);
    if (decoder.stoppedBecause !== undefined || result.reachedAt !== undefined) break;
  }
  if (decoder.stoppedBecause !== undefined) result.stoppedBecause = decoder.stoppedBecause;
  return result;
}

function count(result: WalScan, event: WalEvent | undefined): void {
  result.records++;
  if (event === undefined || event.kind === 'switch') return;
  if (event.kind === 'restore-point') {
    if (result.restorePoints.length < restorePointLimit) result.restorePoints.push(event);
    return;
  }
  if (event.kind === 'commit') result.commits++;
  else result.aborts++;
  const { timeMicros } = event;
  if (result.firstCommitTimeMicros === undefined || timeMicros < result.firstCommitTimeMicros)
    result.firstCommitTimeMicros = timeMicros;
  if (result.lastCommitTimeMicros === undefined || timeMicros > result.lastCommitTimeMicros)
    result.lastCommitTimeMicros = timeMicros;
}
