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

/** A block that a record changes. */
export interface BlockReference {
  /** The tablespace, the database (0 for a shared catalogue) and the file of the relation. */
  readonly tablespaceId: number;
  readonly databaseId: number;
  readonly relationFile: number;
  readonly block: number;
  /** Undefined also for a compressed image. */
  readonly image: { readonly bytes: Uint8Array; readonly holeOffset: number } | undefined;
  /** Empty where an image replaces the data. */
  readonly data: Uint8Array;
}

/**
 * The main data of a body, which may be cut short at its end: then the part that is there. Empty if the record has none
 * or its headers make no sense.
 */
export function mainDataOf(body: Uint8Array, magic: number): Uint8Array {
  return readBody(body, magic).mainData;
}

/** The blocks of a whole body; those that were read so far if its headers make no sense. */
export function blocksOf(body: Uint8Array, magic: number): BlockReference[] {
  const { blocks, payloadStart } = readBody(body, magic);
  let at = payloadStart;
  return blocks.map(({ header, relation }) => {
    const image = body.subarray(at, at + header.imageBytes);
    at += header.imageBytes + header.dataBytes;
    return {
      ...relation,
      block: header.block,
      image:
        header.imageBytes === 0 || header.isCompressed
          ? undefined
          : { bytes: image, holeOffset: header.holeOffset },
      data: body.subarray(at - header.dataBytes, at),
    };
  });
}

interface Relation {
  readonly tablespaceId: number;
  readonly databaseId: number;
  readonly relationFile: number;
}

interface Body {
  readonly blocks: readonly { readonly header: BlockHeader; readonly relation: Relation }[];
  /** The position after all headers. */
  readonly payloadStart: number;
  readonly mainData: Uint8Array;
}

function readBody(body: Uint8Array, magic: number): Body {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const compressedMask = imageCompressedMask(magic);
  const blocks: { header: BlockHeader; relation: Relation }[] = [];
  let at = 0;
  let blockBytes = 0;
  const end = (start: number, sizeBytes: number): Body => ({
    blocks,
    payloadStart: start,
    mainData: body.subarray(start + blockBytes, start + blockBytes + sizeBytes),
  });
  try {
    while (at < body.length) {
      const id = view.getUint8(at);
      if (id === idDataShort) return end(at + 2, view.getUint8(at + 1));
      if (id === idDataLong) return end(at + 5, view.getUint32(at + 1, true));
      if (id === idOrigin) at += 3;
      else if (id === idTopLevelTransaction) at += 5;
      else if (id <= largestBlockId) {
        const header = readBlockHeader(view, at, compressedMask);
        const relation = header.relation ?? blocks.at(-1)?.relation;
        if (relation !== undefined) blocks.push({ header, relation });
        at = header.next;
        blockBytes += header.imageBytes + header.dataBytes;
      } else break;
      // A record without main data ends its headers where the blocks' bytes fill the rest.
      if (at + blockBytes === body.length) return end(at, 0);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return { blocks: [], payloadStart: 0, mainData: body.subarray(0, 0) };
}

interface BlockHeader {
  /** The position after this header. */
  readonly next: number;
  readonly imageBytes: number;
  readonly isCompressed: boolean;
  readonly holeOffset: number;
  readonly dataBytes: number;
  /** Undefined: the relation of the block before. */
  readonly relation: Relation | undefined;
  readonly block: number;
}

function readBlockHeader(view: DataView, at: number, compressedMask: number): BlockHeader {
  const flags = view.getUint8(at + 1);
  const dataBytes = view.getUint16(at + 2, true);
  let next = at + 4;
  let imageBytes = 0;
  let holeOffset = 0;
  let isCompressed = false;
  if ((flags & blockHasImage) !== 0) {
    imageBytes = view.getUint16(next, true);
    holeOffset = view.getUint16(next + 2, true);
    const imageInfo = view.getUint8(next + 4);
    isCompressed = (imageInfo & compressedMask) !== 0;
    next += 5;
    // Only a compressed image with a hole says how long the hole is: otherwise it is the block minus the image.
    if ((imageInfo & imageHasHole) !== 0 && isCompressed) next += 2;
  }
  let relation: Relation | undefined;
  if ((flags & blockSameRelation) === 0) {
    relation = {
      tablespaceId: view.getUint32(next, true),
      databaseId: view.getUint32(next + 4, true),
      relationFile: view.getUint32(next + 8, true),
    };
    next += 12;
  }
  const block = view.getUint32(next, true);
  return { next: next + 4, imageBytes, isCompressed, holeOffset, dataBytes, relation, block };
}

/** Bits of bimg_info that mean a compressed image: one bit (0x02) in 13 and 14, one for each method since 15. */
function imageCompressedMask(magic: number): number {
  return (postgresMajorOfPageMagic(magic) ?? 15) < 15 ? 0x02 : 0x1c;
}
