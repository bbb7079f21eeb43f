/**
 * Headers of WAL pages (XLogPageHeaderData, XLogLongPageHeaderData in xlog_internal.h). The layout has been the same
 * since 9.3, and is little-endian here, as on all common platforms of PostgreSQL.
 *
 *     0 u16 magic · 2 u16 info · 4 u32 timeline · 8 u64 page address · 16 u32 rest of a continued record · 20 padding
 *     first page of a segment only: 24 u64 system identifier · 32 u32 segment size · 36 u32 WAL block size
 */
import { isValidSegmentSize } from './geometry.ts';
import type { Lsn } from './lsn.ts';

export interface PageHeader {
  magic: number;
  info: number;
  timeline: number;
  pageAddress: Lsn;
  /** Bytes still to come of the record that continues from the page before. */
  remainingBytes: number;
}

export interface LongPageHeader {
  magic: number;
  info: number;
  timeline: number;
  pageAddress: Lsn;
  systemId: bigint;
  segmentSizeBytes: number;
  blockSizeBytes: number;
}

export const pageFlags = { firstIsContinuation: 0x01, longHeader: 0x02 } as const;

/** XLP_FIRST_IS_OVERWRITE_CONTRECORD. Up to 18 the bit that 19 has for it said that block images may be removed. */
export function overwrittenContinuationFlag(magic: number): number {
  return (postgresMajorOfPageMagic(magic) ?? 19) < 19 ? 0x08 : 0x04;
}

export const shortHeaderBytes = 24;
export const longHeaderBytes = 40;

/** The long header on the first page of a segment. Undefined if the page is too short or not flagged as having one. */
export function parseLongPageHeader(firstPage: Uint8Array): LongPageHeader | undefined {
  if (firstPage.length < longHeaderBytes) return undefined;
  const view = viewOf(firstPage);
  const { magic, info, timeline, pageAddress } = readPageHeader(view, 0);
  if ((info & pageFlags.longHeader) === 0) return undefined;
  return {
    magic,
    info,
    timeline,
    pageAddress,
    systemId: view.getBigUint64(24, true),
    segmentSizeBytes: view.getUint32(32, true),
    blockSizeBytes: view.getUint32(36, true),
  };
}

/**
 * True for the header of a version that is known here, and for one of a later version, whose sizes tell it from junk: the
 * layout has long been the same.
 */
export function isWalHeader({ magic, segmentSizeBytes, blockSizeBytes }: LongPageHeader): boolean {
  if (postgresMajorOfPageMagic(magic) !== undefined) return true;
  return isValidSegmentSize(segmentSizeBytes) && isValidBlockSize(blockSizeBytes);
}

/** Any page's header at `offset`; the caller has checked that 24 bytes are there. */
export function readPageHeader(view: DataView, offset: number): PageHeader {
  return {
    magic: view.getUint16(offset, true),
    info: view.getUint16(offset + 2, true),
    timeline: view.getUint32(offset + 4, true),
    pageAddress: view.getBigUint64(offset + 8, true),
    remainingBytes: view.getUint32(offset + 16, true),
  };
}

/** True for a power of two from 1 to 64 KiB (XLOG_BLCKSZ; BLCKSZ goes up to 32 KiB). */
export function isValidBlockSize(sizeBytes: number): boolean {
  return sizeBytes >= 1024 && sizeBytes <= 65_536 && (sizeBytes & (sizeBytes - 1)) === 0;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const majorOfMagic: Readonly<Record<number, number>> = {
  0xd106: 13,
  0xd10d: 14,
  0xd110: 15,
  0xd113: 16,
  0xd116: 17,
  0xd118: 18,
  // Those of 19's betas, and since its fourth.
  0xd11f: 19,
  0xd120: 19,
  0xd121: 19,
  0xd122: 19,
};

/** The major version that writes this XLOG_PAGE_MAGIC, 13 to 19; undefined for any other. */
export function postgresMajorOfPageMagic(magic: number): number | undefined {
  return majorOfMagic[magic];
}
