/**
 * The arithmetic between segment numbers, names and LSNs (xlog_internal.h). The segment size says how many segments
 * make up one "log" of a name (4 GiB), so a name alone does not tell its place in the WAL.
 */
import { formatHex8, parseWalFileName, type WalFileName } from './file-name.ts';
import type { Lsn } from './lsn.ts';
import type { SegmentPosition, SegmentRange } from './segment-range.ts';

/** Every WAL file with a place in the WAL: all but histories. */
export type PositionedFile = Exclude<WalFileName, { kind: 'history' }>;

const bytesPerLog = 0x1_0000_0000n;
const smallestSegmentBytes = 1024 ** 2;
/** What no segment of any cluster exceeds. */
export const largestSegmentBytes = 1024 ** 3;

/** True for a power of two from 1 MiB to 1 GiB (IsValidWalSegSize). */
export function isValidSegmentSize(sizeBytes: number): boolean {
  return (
    Number.isInteger(sizeBytes) &&
    sizeBytes >= smallestSegmentBytes &&
    sizeBytes <= largestSegmentBytes &&
    (sizeBytes & (sizeBytes - 1)) === 0
  );
}

/** The segment size of one cluster, and the arithmetic by it. The size never changes within an archive. */
export class WalGeometry {
  readonly segmentSizeBytes: number;
  readonly #sizeBytes: bigint;
  readonly #segmentsPerLog: bigint;

  /**
   * @throws RangeError for a size that PostgreSQL does not know; code that reads a size from outside checks it before
   */
  constructor(segmentSizeBytes: number) {
    if (!isValidSegmentSize(segmentSizeBytes))
      throw new RangeError(`${segmentSizeBytes} bytes is not a WAL segment size`);
    this.segmentSizeBytes = segmentSizeBytes;
    this.#sizeBytes = BigInt(segmentSizeBytes);
    this.#segmentsPerLog = bytesPerLog / this.#sizeBytes;
  }

  /** The segment that holds the byte at `lsn`. */
  segmentOf(lsn: Lsn): bigint {
    return lsn / this.#sizeBytes;
  }

  startLsn(segment: bigint): Lsn {
    return segment * this.#sizeBytes;
  }

  /** The start of the next segment, as an exclusive end. */
  endLsn(segment: bigint): Lsn {
    return this.startLsn(segment + 1n);
  }

  /** The last segment needed up to `end` (exclusive): an end on a boundary means the segment before. */
  lastSegmentBefore(end: Lsn): bigint {
    return end === 0n ? 0n : this.segmentOf(end - 1n);
  }

  /** The segments that hold `startLsn` to `endLsn`, exclusive. */
  rangeOf(timeline: number, startLsn: Lsn, endLsn: Lsn): SegmentRange {
    return { timeline, first: this.segmentOf(startLsn), last: this.lastSegmentBefore(endLsn) };
  }

  nameOf(timeline: number, segment: bigint): string {
    const [log, seg] = [segment / this.#segmentsPerLog, segment % this.#segmentsPerLog];
    return formatHex8(timeline) + formatHex8(log) + formatHex8(seg);
  }

  /** @throws RangeError for a segment beyond the last LSN */
  fileOf(timeline: number, segment: bigint): WalFileName & { kind: 'segment' } {
    const file = parseWalFileName(this.nameOf(timeline, segment));
    if (file?.kind !== 'segment') throw new RangeError(`no segment ${segment} on timeline ${timeline}`);
    return file;
  }

  positionOf({ timeline, log, seg }: PositionedFile): SegmentPosition {
    return { timeline, segment: BigInt(log) * this.#segmentsPerLog + BigInt(seg) };
  }

  /** The segments between two names of one timeline, both included; undefined for other names. */
  rangeOfNames(firstName: string, lastName: string): SegmentRange | undefined {
    const [first, last] = [parseWalFileName(firstName), parseWalFileName(lastName)];
    if (first?.kind !== 'segment' || last?.kind !== 'segment' || first.timeline !== last.timeline)
      return undefined;
    if (!this.isPossible(first) || !this.isPossible(last)) return undefined;
    const [{ timeline, segment }, end] = [this.positionOf(first), this.positionOf(last).segment];
    return end < segment ? undefined : { timeline, first: segment, last: end };
  }

  /**
   * False for a name that no file can have at this segment size: `seg` must be below the number of segments in a log.
   */
  isPossible({ seg }: PositionedFile): boolean {
    return BigInt(seg) < this.#segmentsPerLog;
  }
}
