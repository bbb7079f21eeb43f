/**
 * The header of an INCREMENTAL file of PostgreSQL 17 (basebackup.c, sendFile): magic number, number of blocks, truncation
 * block length, the numbers of the blocks, 4 bytes each; then zeros up to a whole block, unless there are no blocks. The
 * blocks follow.
 *
 * A header from outside is taken only in the one form that a writer gives it. pg_combinebackup takes blocks in any order,
 * twice, and beyond the end.
 */
import { pieceBounds } from '../../../base/bounds.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';

export interface RelationLayout {
  readonly blockSizeBytes: number;
  /** RELSEG_SIZE: blocks in one file of a relation. */
  readonly relationSegmentBlocks: number;
}

export interface IncrementalHeader {
  /** The length of the file that is made of these blocks and of older ones, in blocks; at least 1. */
  readonly truncationBlocks: number;
  /** The numbers of the stored blocks within the file, ascending. */
  readonly blocks: Uint32Array;
}

/** INCREMENTAL_MAGIC (basebackup_incremental.h). */
const magic = 0xd3ae_1f0d;
const wordBytes = 4;
/** The length of what stands before the numbers of the blocks. */
export const fixedBytes = 3 * wordBytes;

/** The length of a header, as GetIncrementalHeaderSize has it. */
export function incrementalHeaderBytes(blockCount: number, { blockSizeBytes }: RelationLayout): number {
  const sizeBytes = fixedBytes + wordBytes * blockCount;
  return blockCount === 0 ? sizeBytes : Math.ceil(sizeBytes / blockSizeBytes) * blockSizeBytes;
}

/** The length of a file, as GetIncrementalFileSize has it. */
export function incrementalFileBytes(blockCount: number, layout: RelationLayout): number {
  return incrementalHeaderBytes(blockCount, layout) + blockCount * layout.blockSizeBytes;
}

/** True where no reader would take the header: PostgreSQL was built with files of relations of very many blocks. */
export function isHeaderTooLong(blockCount: number, layout: RelationLayout): boolean {
  return incrementalHeaderBytes(blockCount, layout) > pieceBounds.incrementalHeader.limitBytes;
}

/** @throws TypeError for a header that no reader would take */
export function encodeIncrementalHeader(header: IncrementalHeader, layout: RelationLayout): Buffer {
  const { truncationBlocks, blocks } = header;
  const fault = faultOf(header, layout);
  if (fault !== undefined || isHeaderTooLong(blocks.length, layout))
    throw new TypeError(`an incremental file with ${fault ?? 'too long a header'}`);
  const bytes = Buffer.alloc(incrementalHeaderBytes(blocks.length, layout));
  [magic, blocks.length, truncationBlocks].forEach((word, index) =>
    bytes.writeUInt32LE(word, index * wordBytes),
  );
  blocks.forEach((block, index) => bytes.writeUInt32LE(block, fixedBytes + index * wordBytes));
  return bytes;
}

/**
 * The length of the header that begins with these bytes, `fixedBytes` of them, in a file of `sizeBytes`.
 * @throws WalvaultError `damaged` unless the length of the file is exactly what the header says
 */
export function headerBytesIn(start: Uint8Array, sizeBytes: number, layout: RelationLayout): number {
  const view = viewOf(start);
  if (view.byteLength < fixedBytes) throw damaged('ends within its header');
  if (view.getUint32(0, true) !== magic) throw damaged('does not begin with the magic number of one');
  const blockCount = view.getUint32(wordBytes, true);
  if (blockCount > layout.relationSegmentBlocks)
    throw damaged(`has ${blockCount} blocks, a relation's file ${layout.relationSegmentBlocks} at most`);
  if (isHeaderTooLong(blockCount, layout))
    throw damaged(`has a header of more than ${pieceBounds.incrementalHeader.limitBytes} bytes`);
  const expectedBytes = incrementalFileBytes(blockCount, layout);
  if (sizeBytes !== expectedBytes)
    throw damaged(`has ${sizeBytes} bytes; with ${blockCount} blocks it would have ${expectedBytes}`);
  return incrementalHeaderBytes(blockCount, layout);
}

/**
 * Reads a whole header.
 * @param sizeBytes the length of the file
 * @throws WalvaultError `damaged`
 */
export function parseIncrementalHeader(
  bytes: Uint8Array,
  sizeBytes: number,
  layout: RelationLayout,
): IncrementalHeader {
  const headerBytes = headerBytesIn(bytes, sizeBytes, layout);
  if (bytes.length !== headerBytes) throw damaged('ends within its header');
  const view = viewOf(bytes);
  const blocks = new Uint32Array(view.getUint32(wordBytes, true));
  for (let index = 0; index < blocks.length; index++)
    blocks[index] = view.getUint32(fixedBytes + index * wordBytes, true);
  const header = { truncationBlocks: view.getUint32(2 * wordBytes, true), blocks };
  const fault = faultOf(header, layout);
  if (fault !== undefined) throw damaged(`has ${fault}`);
  if (bytes.subarray(fixedBytes + blocks.length * wordBytes).some(byte => byte !== 0))
    throw damaged('has other bytes than zeros between its header and its blocks');
  return header;
}

/** What is wrong with the numbers in a header. The number of blocks needs no look: they ascend, and have an end. */
function faultOf(
  { truncationBlocks, blocks }: IncrementalHeader,
  layout: RelationLayout,
): string | undefined {
  // An empty file is stored whole.
  if (truncationBlocks < 1 || truncationBlocks > layout.relationSegmentBlocks)
    return `a truncation length of ${truncationBlocks} blocks`;
  for (let index = 0; index < blocks.length; index++) {
    const block = blocks[index] as number;
    if (index > 0 && block <= (blocks[index - 1] as number)) return `block ${block} not in its order`;
    if (block >= truncationBlocks) return `block ${block} beyond the end of ${truncationBlocks}`;
  }
  return undefined;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function damaged(what: string): WalvaultError {
  return new WalvaultError('damaged', `an incremental file ${what}`);
}
