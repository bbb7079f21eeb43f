/**
 * The four kinds of files PostgreSQL archives and the arithmetic between segment numbers, names and LSNs
 * (xlog_internal.h). A segment's name is timeline, "log" and "seg", eight hex digits each; how many segments make up
 * one log (4 GiB) depends on the segment size, so a name alone does not say where in the WAL it lies.
 */
import type { Lsn } from './lsn.ts';

export type WalFileName =
  | { kind: 'segment'; name: string; timeline: number; log: number; seg: number }
  /** `<segment>.partial`: the unfinished last segment of a timeline that was left. */
  | { kind: 'partial'; name: string; timeline: number; log: number; seg: number }
  /** `<segment>.<8 hex>.backup`: written at the end of a base backup taken on a primary. */
  | { kind: 'backup'; name: string; timeline: number; log: number; seg: number; offset: number }
  | { kind: 'history'; name: string; timeline: number };

const bytesPerLog = 0x1_0000_0000;
const smallestSegmentBytes = 1024 ** 2;
const largestSegmentBytes = 1024 ** 3;

/** Upper-case hexadecimal only, as IsXLogFileName and its siblings ask. A path, or anything else, is undefined. */
export function parseWalFileName(name: string): WalFileName | undefined {
  const history = /^([0-9A-F]{8})\.history$/.exec(name);
  if (history !== null) return { kind: 'history', name, timeline: hex(history[1]) };
  const match = /^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(?:(\.partial)|\.([0-9A-F]{8})\.backup)?$/.exec(
    name,
  );
  if (match === null) return undefined;
  const position = { name, timeline: hex(match[1]), log: hex(match[2]), seg: hex(match[3]) };
  if (match[4] !== undefined) return { kind: 'partial', ...position };
  if (match[5] !== undefined) return { kind: 'backup', ...position, offset: hex(match[5]) };
  return { kind: 'segment', ...position };
}

function hex(digits: string | undefined): number {
  return Number.parseInt(digits ?? '', 16);
}

/** Segments are numbered from 0 at LSN 0; PostgreSQL never uses number 0. */
export function segmentNumber(file: { log: number; seg: number }, segmentSizeBytes: number): bigint {
  return BigInt(file.log) * segmentsPerLog(segmentSizeBytes) + BigInt(file.seg);
}

/** True if such a name can exist at this segment size: `seg` is below the number of segments a log has. */
export function isPossiblePosition(file: { seg: number }, segmentSizeBytes: number): boolean {
  return BigInt(file.seg) < segmentsPerLog(segmentSizeBytes);
}

export function segmentName(timeline: number, segmentNumber: bigint, segmentSizeBytes: number): string {
  const perLog = segmentsPerLog(segmentSizeBytes);
  return formatHex8(timeline) + formatHex8(segmentNumber / perLog) + formatHex8(segmentNumber % perLog);
}

export function historyFileName(timeline: number): string {
  return `${formatHex8(timeline)}.history`;
}

export function segmentNumberOfLsn(lsn: Lsn, segmentSizeBytes: number): bigint {
  return lsn / BigInt(segmentSizeBytes);
}

export function segmentStartLsn(segmentNumber: bigint, segmentSizeBytes: number): Lsn {
  return segmentNumber * BigInt(segmentSizeBytes);
}

/** The last segment a range ending (exclusive) at `end` needs: an end on a boundary means the segment before. */
export function lastSegmentBefore(end: Lsn, segmentSizeBytes: number): bigint {
  return end === 0n ? 0n : (end - 1n) / BigInt(segmentSizeBytes);
}

/** A power of two from 1 MiB to 1 GiB (IsValidWalSegSize). */
export function isValidSegmentSize(sizeBytes: number): boolean {
  return (
    Number.isInteger(sizeBytes) &&
    sizeBytes >= smallestSegmentBytes &&
    sizeBytes <= largestSegmentBytes &&
    (sizeBytes & (sizeBytes - 1)) === 0
  );
}

function segmentsPerLog(segmentSizeBytes: number): bigint {
  return BigInt(Math.floor(bytesPerLog / segmentSizeBytes));
}

/** Eight upper-case hex digits: how PostgreSQL writes each part of a name. */
export function formatHex8(value: number | bigint): string {
  return value.toString(16).toUpperCase().padStart(8, '0');
}
