/**
 * The part of a WAL record after its header (xlogrecord.h). First come small headers: one for each referenced block,
 * one for a replication origin, one for a top-level transaction id, and last one for the main data. Then come block
 * images and block data in the same order, then the main data.
 */
import { postgresMajorOfPageMagic } from './page-header.ts';

const idDataShort = 255;
const idDataLong = 254;
const idOrigin = 253;
const idTopLevelTransaction = 252;
const largestBlockId = 32;

const blockHasImage = 0x10;
const blockSameRelation = 0x80;
const imageHasHole = 0x01;

/**
 * The main data of a body, which may be cut short at its end: then the part that is there. Empty if the record has none
 * or its headers make no sense.
 */
export function mainDataOf(body: Uint8Array, magic: number): Uint8Array {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const compressedMask = imageCompressedMask(magic);
  let at = 0;
  let blockBytes = 0;
  try {
    while (at < body.length) {
      const id = view.getUint8(at);
      if (id === idDataShort) {
        const start = at + 2 + blockBytes;
        return body.subarray(start, start + view.getUint8(at + 1));
      }
      if (id === idDataLong) {
        const start = at + 5 + blockBytes;
        return body.subarray(start, start + view.getUint32(at + 1, true));
      }
      if (id === idOrigin) at += 3;
      else if (id === idTopLevelTransaction) at += 5;
      else if (id <= largestBlockId) {
        const block = readBlockHeader(view, at, compressedMask);
        at = block.next;
        blockBytes += block.dataBytes;
      } else break;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return body.subarray(0, 0);
}

function readBlockHeader(
  view: DataView,
  at: number,
  compressedMask: number,
): { next: number; dataBytes: number } {
  const flags = view.getUint8(at + 1);
  let dataBytes = view.getUint16(at + 2, true);
  let next = at + 4;
  if ((flags & blockHasImage) !== 0) {
    dataBytes += view.getUint16(next, true);
    const imageInfo = view.getUint8(next + 4);
    next += 5;
    // Only a compressed image with a hole says how long the hole is: otherwise it is the block minus the image.
    if ((imageInfo & imageHasHole) !== 0 && (imageInfo & compressedMask) !== 0) next += 2;
  }
  if ((flags & blockSameRelation) === 0) next += 12;
  return { next: next + 4, dataBytes };
}

/** Bits of bimg_info that mean a compressed image: one bit (0x02) in 13 and 14, one for each method since 15. */
function imageCompressedMask(magic: number): number {
  return (postgresMajorOfPageMagic(magic) ?? 15) < 15 ? 0x02 : 0x1c;
}
