/**
 * The arithmetic between segment numbers, names and LSNs (xlog_internal.h). How many segments make up one "log" of a
 * name (4 GiB) depends on the segment size, so a name alone does not say where in the WAL it lies.
 */
import { formatHex8, parseWalFileName, type WalFileName } from './file-name.ts';
import type { Lsn } from './lsn.ts';
import type { SegmentPosition, SegmentRange } from './segment-range.ts';

/** Every WAL file but a history: its name has a place in the WAL. */
export type PositionedFile = Exclude<WalFileName, { kind: 'history' }>;

const bytesPerLog = 0x1_0000_0000n;
const smallestSegmentBytes = 1024 ** 2;
const largestSegmentBytes = 1024 ** 3;

/** A power of two from 1 MiB to 1 GiB (IsValidWalSegSize). */
export function isValidSegmentSize(sizeBytes: number): boolean {
  return (
    Number.isInteger(sizeBytes) &&
    sizeBytes >= smallestSegmentBytes &&
    sizeBytes <= largestSegmentBytes &&
    (sizeBytes & (sizeBytes - 1)) === 0
  );
}

/** How the WAL of one cluster is cut into segments: their size never changes within an archive. */
export class WalGeometry {
  readonly segmentSizeBytes: number;
  readonly #sizeBytes: bigint;
  readonly #segmentsPerLog: bigint;

  /** @throws RangeError for a size that PostgreSQL does not know; what reads a size from outside checks it before */
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

  /** Exclusive: where the next segment starts. */
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

  /** The segments between two names of one timeline, both included; undefined where the names are not that. */
  rangeOfNames(firstName: string, lastName: string): SegmentRange | undefined {
    const [first, last] = [parseWalFileName(firstName), parseWalFileName(lastName)];
    if (first?.kind !== 'segment' || last?.kind !== 'segment' || first.timeline !== last.timeline)
      return undefined;
    const { timeline, segment } = this.positionOf(first);
    return { timeline, first: segment, last: this.positionOf(last).segment };
  }

  /** False for a name that no file has at this segment size: `seg` is below the number of segments in a log. */
  isPossible({ seg }: PositionedFile): boolean {
    return BigInt(seg) < this.#segmentsPerLog;
  }
}
