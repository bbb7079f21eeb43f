/** A minimal data directory for push and fetch: `global/pg_control` and one segment. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finishCrc32c, startCrc32c, updateCrc32c } from '../../../src/base/checksum/crc32c.ts';

export const segmentName = '000000010000000000000001';

const segmentSizeBytes = 1024 ** 2;
const systemId = 7_000_000_000_000_000_001n;

export async function makeDataDirectory(path: string): Promise<void> {
  await mkdir(join(path, 'global'), { recursive: true });
  await mkdir(join(path, 'pg_wal'));
  await writeFile(join(path, 'global/pg_control'), controlFile());
  await writeFile(join(path, 'pg_wal', segmentName), segment());
}

/** ControlFileData of PostgreSQL 15 (pg_control.h), with the fields that walvault reads. */
function controlFile(): Buffer {
  const data = Buffer.alloc(296);
  const floatFormatAt = 216;
  const crcAt = floatFormatAt + 80;
  const whole = Buffer.concat([data, Buffer.alloc(8)]);
  whole.writeBigUInt64LE(systemId, 0);
  whole.writeUInt32LE(1300, 8);
  whole.writeUInt32LE(202_209_061, 12);
  whole.writeUInt32LE(6, 16);
  whole.writeUInt32LE(1, 48);
  whole.writeDoubleLE(1_234_567, floatFormatAt);
  whole.writeUInt32LE(8192, floatFormatAt + 8);
  whole.writeUInt32LE(131_072, floatFormatAt + 12);
  whole.writeUInt32LE(8192, floatFormatAt + 16);
  whole.writeUInt32LE(segmentSizeBytes, floatFormatAt + 20);
  whole.writeUInt32LE(finishCrc32c(updateCrc32c(startCrc32c, whole, 0, crcAt)), crcAt);
  return whole;
}

/** A true first page header (XLogLongPageHeaderData in xlog_internal.h), then what compresses about as WAL does. */
function segment(): Buffer {
  const data = Buffer.alloc(segmentSizeBytes);
  let state = 1;
  for (let offset = 40; offset < data.length; offset += 32) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    data.writeUInt32LE(state, offset);
  }
  data.writeUInt16LE(0xd110, 0);
  data.writeUInt16LE(0x0002, 2);
  data.writeUInt32LE(1, 4);
  data.writeBigUInt64LE(BigInt(segmentSizeBytes), 8);
  data.writeBigUInt64LE(systemId, 24);
  data.writeUInt32LE(segmentSizeBytes, 32);
  data.writeUInt32LE(8192, 36);
  return data;
}
