/** Made-up WAL files for tests: a valid first page header, and content that differs between files. */
import { createHash } from 'node:crypto';
import { WalGeometry } from '../../../src/postgres/wal/geometry.ts';
import { parseWalFileName, type WalFileName } from '../../../src/postgres/wal/file-name.ts';
import type { PlainFile } from '../../../src/repository/wal/write-object.ts';

export interface MadeSegment {
  readonly timeline: number;
  readonly number: bigint;
  readonly systemId: bigint;
  readonly segmentSizeBytes: number;
  /** Written all over the segment after its header. */
  readonly fill?: number;
}

/** A whole segment whose long page header is as PostgreSQL 15 writes it (xlog_internal.h, XLogLongPageHeaderData). */
export function makeSegment({ timeline, number, systemId, segmentSizeBytes, fill = 0 }: MadeSegment): Buffer {
  const segment = Buffer.alloc(segmentSizeBytes, fill);
  segment.fill(0, 0, 40);
  segment.writeUInt16LE(0xd110, 0);
  segment.writeUInt16LE(0x0002, 2);
  segment.writeUInt32LE(timeline, 4);
  segment.writeBigUInt64LE(new WalGeometry(segmentSizeBytes).startLsn(number), 8);
  segment.writeBigUInt64LE(systemId, 24);
  segment.writeUInt32LE(segmentSizeBytes, 32);
  segment.writeUInt32LE(8192, 36);
  return segment;
}

export function walFile(name: string): WalFileName {
  const file = parseWalFileName(name);
  if (file === undefined) throw new Error(`${name} is not a WAL file name`);
  return file;
}

export function segmentFile({ timeline, number, segmentSizeBytes }: MadeSegment): WalFileName {
  return walFile(new WalGeometry(segmentSizeBytes).nameOf(timeline, number));
}

export function plainFile(data: Buffer): PlainFile {
  return {
    sizeBytes: data.length,
    sha256: createHash('sha256').update(data).digest('hex'),
    content: data,
  };
}
