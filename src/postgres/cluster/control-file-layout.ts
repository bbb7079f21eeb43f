/**
 * Where the fields of `global/pg_control` are (ControlFileData in pg_control.h). Up to the timeline of the latest checkpoint
 * they have had the same place since 12. What comes later is found from the constant 1234567.0 (`floatFormat`), which the
 * file has for this purpose, so that a field added before it changes nothing here: 19 made the checkpoint longer.
 */
import { finishCrc32c, startCrc32c, updateCrc32c } from '../../base/checksum/crc32c.ts';
import { isValidSegmentSize } from '../wal/geometry.ts';
import { isValidBlockSize } from '../wal/page-header.ts';

export interface ControlFileLayout {
  readonly minRecoveryPointAt: number;
  /** The first of the five settings that replay needs at least as large. */
  readonly replayMinimumsAt: number;
  readonly blockSizeAt: number;
  readonly relationSegmentBlocksAt: number;
  readonly walBlockSizeAt: number;
  readonly segmentSizeAt: number;
  readonly dataChecksumsAt: number;
}

/** `damaged`: the constant is not there, or the CRC is wrong. `unknown`: a whole file, but its sizes are elsewhere. */
export function layoutOf(data: Uint8Array): ControlFileLayout | 'damaged' | 'unknown' {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const floatAt = locateFloatFormat(view);
  if (floatAt === undefined || !hasValidCrc(data, view, floatAt)) return 'damaged';
  const walBlockSizeAt = locateWalBlockSize(view, floatAt + 16);
  if (walBlockSizeAt === undefined) return 'unknown';
  return {
    minRecoveryPointAt: floatAt - 72,
    // Behind them are track_commit_timestamp and maxAlign, four bytes each.
    replayMinimumsAt: floatAt - 28,
    blockSizeAt: floatAt + 8,
    relationSegmentBlocksAt: floatAt + 12,
    walBlockSizeAt,
    segmentSizeAt: walBlockSizeAt + 4,
    dataChecksumsAt: walBlockSizeAt + 28,
  };
}

function locateFloatFormat(view: DataView): number | undefined {
  for (let at = 176; at <= 256; at += 8) if (view.getFloat64(at, true) === 1_234_567) return at;
  return undefined;
}

/**
 * A block size and a segment size follow each other, and no others of these sizes do. Since 19 the length of an SLRU segment
 * stands before them; room for another field costs nothing and keeps a later version readable.
 */
function locateWalBlockSize(view: DataView, first: number): number | undefined {
  for (let at = first; at <= first + 8; at += 4)
    if (isValidBlockSize(view.getUint32(at, true)) && isValidSegmentSize(view.getUint32(at + 4, true)))
      return at;
  return undefined;
}

/**
 * True if the CRC is valid. It is the last field and covers everything before: 288 bytes up to 17, 292 in 18. Trying
 * each possible place costs nothing and keeps a later version readable.
 */
function hasValidCrc(data: Uint8Array, view: DataView, floatAt: number): boolean {
  let crc = updateCrc32c(startCrc32c, data, 0, floatAt);
  let covered = floatAt;
  for (let at = floatAt + 80; at <= Math.min(floatAt + 128, data.length - 4); at += 4) {
    crc = updateCrc32c(crc, data, covered, at);
    covered = at;
    if (finishCrc32c(crc) === view.getUint32(at, true)) return true;
  }
  return false;
}
