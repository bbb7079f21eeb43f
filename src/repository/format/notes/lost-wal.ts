/**
 * WAL that a server gave up because its queue had grown beyond `archive.queue-limit` (docs/queue-limit.md). Such a
 * range existed and was never archived: it is a gap even when nothing later has arrived. Pure.
 */
import { formatCount, formatSize } from '../../../base/units.ts';
import type { SignatureVerdict } from '../../../pipeline/openpgp/index.ts';
import {
  parseWalFileName,
  segmentName,
  segmentNumber,
  segmentStartLsn,
} from '../../../postgres/wal/file-name.ts';
import type { Lsn } from '../../../postgres/wal/lsn.ts';
import { walSubject, type NewNote, type Note } from './note.ts';
import type { WalRun } from '../../wal/listing.ts';

/** Consecutive segments of one timeline, both ends included, that one host gave up. */
export interface LostWal {
  readonly timeline: number;
  readonly first: bigint;
  readonly last: bigint;
  /** When the first and the last of them were given up, by the clock of that host. */
  readonly lostFrom: Date;
  readonly lostTo: Date;
  readonly host: string;
  /** What waited to be archived, at its most, and the limit in force. */
  readonly backlogBytes: number;
  readonly limitBytes: number;
  /** Why the repository did not get it: the error of the first of them. */
  readonly reason: string;
  /** Who says so. Undefined: a record that is still on this host. */
  readonly verdict?: SignatureVerdict | undefined;
}

export function lostWalNote(lost: LostWal, segmentSizeBytes: number): NewNote {
  const { timeline, lostFrom, lostTo, host, backlogBytes, limitBytes, reason } = lost;
  return {
    subject: walSubject(timeline),
    kind: 'wal-lost',
    body: {
      timeline,
      first: segmentName(timeline, lost.first, segmentSizeBytes),
      last: segmentName(timeline, lost.last, segmentSizeBytes),
      lostFrom: lostFrom.toISOString(),
      lostTo: lostTo.toISOString(),
      host,
      backlogBytes,
      limitBytes,
      reason,
    },
  };
}

/**
 * Undefined for a note of another kind, or one that names no range. Who signed it does not matter here: believing in
 * a gap that is none refuses a recovery, the opposite would cut one short.
 */
export function parseLostWal(
  { kind, body, time, verdict }: Note,
  segmentSizeBytes: number,
): LostWal | undefined {
  if (kind !== 'wal-lost') return undefined;
  const [first, last] = [body['first'], body['last']].map(name => parseWalFileName(String(name)));
  if (first?.kind !== 'segment' || last?.kind !== 'segment' || first.timeline !== last.timeline)
    return undefined;
  const dateOf = (value: unknown) => {
    const date = new Date(String(value));
    return Number.isNaN(date.getTime()) ? time : date;
  };
  return {
    timeline: first.timeline,
    first: segmentNumber(first, segmentSizeBytes),
    last: segmentNumber(last, segmentSizeBytes),
    lostFrom: dateOf(body['lostFrom']),
    lostTo: dateOf(body['lostTo']),
    host: textOf(body['host'], 'an unknown host'),
    backlogBytes: Number(body['backlogBytes'] ?? 0),
    limitBytes: Number(body['limitBytes'] ?? 0),
    reason: textOf(body['reason'], 'for a reason that is not known'),
    verdict,
  };
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

/** The loss that a segment is part of. */
export function findLoss(losses: readonly LostWal[], timeline: number, segment: bigint): LostWal | undefined {
  return losses.find(lost => lost.timeline === timeline && lost.first <= segment && segment <= lost.last);
}

/** What of the losses is really missing: a segment that was archived after all is no gap, and none counts twice. */
export function stillMissing(losses: readonly LostWal[], runs: readonly WalRun[]): LostWal[] {
  const taken: { readonly timeline: number; readonly first: bigint; readonly last: bigint }[] = [...runs];
  return losses
    .flatMap(lost => {
      const left = subtract(lost, taken);
      taken.push(lost);
      return left;
    })
    .toSorted((a, b) => a.timeline - b.timeline || (a.first < b.first ? -1 : 1));
}

function subtract(
  lost: LostWal,
  taken: readonly { readonly timeline: number; readonly first: bigint; readonly last: bigint }[],
): LostWal[] {
  let left = [lost];
  for (const { timeline, first, last } of taken) {
    if (timeline !== lost.timeline || last < lost.first || first > lost.last) continue;
    left = left.flatMap(piece => [
      ...(piece.first < first ? [{ ...piece, last: first - 1n < piece.last ? first - 1n : piece.last }] : []),
      ...(piece.last > last ? [{ ...piece, first: last + 1n > piece.first ? last + 1n : piece.first }] : []),
    ]);
  }
  return left;
}

export interface GapBounds<Backup> {
  /** The last backup that is whole before the gap, and the first that begins after it. */
  readonly before: Backup | undefined;
  readonly beyond: Backup | undefined;
}

/**
 * The backups next to a gap. WAL positions only grow along the way to where a server is, whatever its timeline, so
 * they alone tell the order.
 */
export function boundsOf<Backup extends { readonly startLsn: Lsn; readonly stopLsn: Lsn }>(
  { first, last }: Pick<LostWal, 'first' | 'last'>,
  backups: readonly Backup[],
  segmentSizeBytes: number,
): GapBounds<Backup> {
  const beginsAt = segmentStartLsn(first, segmentSizeBytes);
  const endsAt = segmentStartLsn(last + 1n, segmentSizeBytes);
  const ordered = backups.toSorted((a, b) => (a.stopLsn < b.stopLsn ? -1 : 1));
  return {
    before: ordered.findLast(({ stopLsn }) => stopLsn <= beginsAt),
    beyond: ordered.find(({ startLsn }) => startLsn >= endsAt),
  };
}

/** `000000010000000000000007 to 000000010000000000000009 (3 segments)` */
export function describeLostRange({ timeline, first, last }: LostWal, segmentSizeBytes: number): string {
  const name = (segment: bigint) => segmentName(timeline, segment, segmentSizeBytes);
  if (first === last) return name(first);
  return `${name(first)} to ${name(last)} (${formatCount(Number(last - first + 1n), 'segment')})`;
}

/** What follows "it was": when, where and why, in one line. */
export function describeLoss({
  lostFrom,
  lostTo,
  host,
  backlogBytes,
  limitBytes,
  reason,
}: Omit<LostWal, 'timeline' | 'first' | 'last' | 'verdict'>): string {
  const when =
    lostFrom.getTime() === lostTo.getTime()
      ? `at ${lostFrom.toISOString()}`
      : `between ${lostFrom.toISOString()} and ${lostTo.toISOString()}`;
  return `given up ${when} by ${host}: ${formatSize(backlogBytes)} of WAL waited, more than archive.queue-limit (${formatSize(limitBytes)}), and it could not be archived: ${reason}`;
}
