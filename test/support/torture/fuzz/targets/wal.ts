/** WAL: the records in segments, and the header of a segment. */
import { streamOf } from '../../../../../src/base/bytes/streams.ts';
import { walEventOf } from '../../../../../src/postgres/wal/commit-record.ts';
import { DropTracker, recordsOfDrops } from '../../../../../src/postgres/wal/drop-tracker.ts';
import { parseWalFileName } from '../../../../../src/postgres/wal/file-name.ts';
import { WalGeometry } from '../../../../../src/postgres/wal/geometry.ts';
import { parseLongPageHeader } from '../../../../../src/postgres/wal/page-header.ts';
import { WalRecordDecoder } from '../../../../../src/postgres/wal/record-decoder.ts';
import { readWalRecords } from '../../../../../src/postgres/wal/record-reader.ts';
import { blocksOf } from '../../../../../src/postgres/wal/record-body.ts';
import { parameterChangeOf } from '../../../../../src/postgres/wal/replay-minimums.ts';
import { checkSegment } from '../../../../../src/postgres/wal/segment-check.ts';
import { scanForTarget, scanSegment } from '../../../../../src/postgres/wal/segment-scan.ts';
import { bodyOf, WalWriter } from '../../../wal/wal-writer.ts';
import { walFile } from '../../../wal/wal.ts';
import { goldenContents } from '../golden.ts';
import { repairWal } from '../repair-wal.ts';
import { inRandomChunks, type FuzzTarget } from '../target.ts';

const geometry = new WalGeometry(1024 ** 2);

export const walRecords: FuzzTarget = {
  name: 'wal-records',
  reads: 'the records of archived WAL',
  parsers: [
    'postgres/wal/record-decoder.ts#WalRecordDecoder',
    'postgres/wal/page-header.ts#readPageHeader',
    'postgres/wal/page-header.ts#parseLongPageHeader',
    'postgres/wal/segment-scan.ts#scanSegment',
    'postgres/wal/segment-scan.ts#scanForTarget',
    'postgres/wal/record-reader.ts#readWalRecords',
    'postgres/wal/drop-tracker.ts#DropTracker',
  ],
  open: async () => ({
    form: 'bytes',
    corpus: [
      ...(await goldenContents(/wal\/0.*\/[0-9A-F]{24}$/, 4, 64 * 1024)),
      madeWal(),
      madeWal(0xd122),
      madeWal(0xd118),
      madeWal(0xd106),
    ],
    repair: repairWal,
    async parse(input, { random }) {
      const startLsn = (parseLongPageHeader(input)?.pageAddress ?? 0n) & ~0xf_ffffn;
      const options = { startLsn, geometry };
      const drops = new DropTracker();
      const decoder = new WalRecordDecoder({ ...options, wanted: recordsOfDrops }, record => {
        walEventOf(record)?.lsn.toString();
        parameterChangeOf(record);
        blocksOf(record.body, record.magic);
        drops.take(record);
      });
      for await (const chunk of inRandomChunks(input, random)) decoder.push(chunk);
      if (decoder.endLsn > startLsn + BigInt(input.length) + 0x10_0000n)
        throw new Error('records beyond the end');
      if (drops.open.length > 1_000_000) throw new Error('drops without end');
      for await (const record of readWalRecords(streamOf(input), options)) record.lsn.toString();
      await scanSegment(streamOf(input), options);
      await scanForTarget(streamOf(input), options, { kind: 'name', name: 'before' });
      await scanForTarget(streamOf(input), options, { kind: 'time', timeMicros: 0n });
    },
  }),
};

export const walHeader: FuzzTarget = {
  name: 'wal-header',
  reads: 'the first page of a segment, from a store or from pg_wal',
  parsers: ['postgres/wal/segment-check.ts#checkSegment', 'postgres/wal/file-name.ts#parseWalFileName'],
  open: async () => ({
    form: 'bytes',
    corpus: (await goldenContents(/wal\/0.*\/[0-9A-F]{24}$/, 8, 64)).map(page =>
      Buffer.concat([Buffer.from('00000001000000000000000D'), page]),
    ),
    parse(input, { random }) {
      const name = input.toString('latin1', 0, 24);
      const file = parseWalFileName(name) ?? walFile('00000001000000000000000D');
      if (file.kind !== 'segment' && file.kind !== 'partial') return;
      const sizeBytes = random.pick([1024 ** 2, 0, input.length]);
      checkSegment({
        file,
        sizeBytes,
        firstPage: input.subarray(24),
        systemId: 7_713_707_718_862_914_354n,
        geometry,
      });
    },
  }),
};

/** The records that a restore looks into: ends of transactions, restore points, settings, drops. */
function madeWal(magic = 0xd110): Buffer {
  const writer = new WalWriter(7n * 0x10_0000n, 0x10_0000, { magic });
  const put = (resourceManager: number, info: number, body: Uint8Array) =>
    writer.record({ resourceManager, info, transactionId: 700, body });
  const zeros = (sizeBytes: number) => bodyOf(Buffer.alloc(sizeBytes));
  put(0, 0x60, zeros(32));
  put(0, 0x70, bodyOf(Buffer.concat([Buffer.alloc(8), Buffer.from('before'.padEnd(64, '\0'))])));
  put(1, 0x00, zeros(8));
  put(1, 0xb0, bodyOf(Buffer.concat([Buffer.alloc(8), Buffer.from('ff010000', 'hex'), Buffer.alloc(200)])));
  put(1, 0x20, zeros(8));
  put(4, 0x20, zeros(16));
  put(4, 0x10, zeros(16));
  put(5, 0x10, zeros(4));
  put(10, 0x70, blockBody(Buffer.alloc(120), Buffer.alloc(2)));
  put(10, 0x10, blockBody(Buffer.alloc(0), Buffer.alloc(8)));
  put(10, 0x70, imageBody(Buffer.alloc(9000 - 808), Buffer.alloc(2)));
  put(0, 0x10, zeros(88));
  put(0, 0x40, new Uint8Array(0));
  return Buffer.from(writer.bytes.subarray(0, 32 * 1024));
}

/** A record that changes a block of pg_database: its headers, the block's data, the main data. */
function blockBody(data: Uint8Array, main: Uint8Array): Buffer {
  const header = Buffer.alloc(20);
  header[1] = data.length > 0 ? 0x20 : 0;
  header.writeUInt16LE(data.length, 2);
  header.writeUInt32LE(1664, 4);
  header.writeUInt32LE(1262, 12);
  return Buffer.concat([header, Buffer.of(255, main.length), data, main]);
}

/** The same with a whole page in place of the data. */
function imageBody(image: Uint8Array, main: Uint8Array): Buffer {
  const header = Buffer.alloc(25);
  header[1] = 0x10;
  header.writeUInt16LE(image.length, 4);
  header[8] = 0x01;
  header.writeUInt32LE(1664, 9);
  header.writeUInt32LE(1262, 17);
  return Buffer.concat([header, Buffer.of(255, main.length), image, main]);
}
