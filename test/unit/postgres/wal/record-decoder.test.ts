import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { WalGeometry } from '../../../../src/postgres/wal/geometry.ts';
import { WalRecordDecoder } from '../../../../src/postgres/wal/record-decoder.ts';
import { bodyOf, pageBytes, WalWriter } from '../../../support/wal/wal-writer.ts';

const segmentSizeBytes = 1024 ** 2;
const startLsn = BigInt(segmentSizeBytes);

function decode(bytes: Uint8Array): { transactionIds: number[]; stoppedBecause: string | undefined } {
  const transactionIds: number[] = [];
  const decoder = new WalRecordDecoder({ startLsn, geometry: new WalGeometry(segmentSizeBytes) }, record =>
    transactionIds.push(record.transactionId),
  );
  decoder.push(bytes);
  return { transactionIds, stoppedBecause: decoder.stoppedBecause };
}

/** Three records: small, four pages long, small; none of a kind whose data is looked into. */
function threeRecords(): WalWriter {
  const writer = new WalWriter(startLsn, segmentSizeBytes);
  for (const [index, sizeBytes] of [100, 30_000, 50].entries()) {
    const body = bodyOf(Buffer.alloc(sizeBytes, 0xaa));
    writer.record({ resourceManager: 10, info: 0, transactionId: index + 1, body });
  }
  return writer;
}

describe('where decoding stops', () => {
  test('at the zeroed tail, after all that was written', () => {
    assert.deepEqual(decode(threeRecords().bytes), {
      transactionIds: [1, 2, 3],
      stoppedBecause: 'a zeroed tail',
    });
  });

  test('at a record with any byte changed', () => {
    const first = Number((threeRecords().written[0]?.lsn ?? 0n) - startLsn);
    for (let at = first; at < first + 24 + 102; at++) {
      if (at === first + 18 || at === first + 19) continue; // Padding: under the CRC too, tried below.
      const { bytes } = threeRecords();
      bytes[at] = (bytes[at] ?? 0) ^ 4;
      assert.deepEqual(decode(bytes).transactionIds, [], `byte ${at - first}`);
    }
    const { bytes } = threeRecords();
    bytes[first + 18] = 1;
    assert.equal(decode(bytes).stoppedBecause, 'a record with a wrong CRC');
  });

  test('at a byte changed on a later page of a long record', () => {
    const { bytes } = threeRecords();
    bytes[2 * pageBytes + 100] = 0;
    assert.deepEqual(decode(bytes), { transactionIds: [1], stoppedBecause: 'a record with a wrong CRC' });
  });

  test('at a page from an earlier use of the file, of another version, or of an earlier timeline', () => {
    const change = (edit: (bytes: Buffer) => void) => {
      const { bytes } = threeRecords();
      edit(bytes);
      return decode(bytes).stoppedBecause;
    };
    assert.match(change(bytes => bytes.writeBigUInt64LE(8192n, pageBytes + 8)) ?? '', /earlier use/);
    assert.match(
      change(bytes => bytes.writeUInt16LE(0xd10d, pageBytes)) ?? '',
      /another version \(magic d10d\)/,
    );
    assert.match(change(bytes => bytes.writeUInt32LE(0, pageBytes + 4)) ?? '', /earlier timeline/);
    assert.match(change(bytes => bytes.writeUInt32LE(77, pageBytes + 16)) ?? '', /without its continuation/);
    assert.match(change(bytes => bytes.writeUInt16LE(0, pageBytes + 2)) ?? '', /without its continuation/);
  });

  test('at a whole record that follows another one than it says', () => {
    const older = new WalWriter(startLsn, segmentSizeBytes);
    older.record({ resourceManager: 10, info: 0, transactionId: 9, body: bodyOf(Buffer.alloc(36)) });
    older.record({ resourceManager: 10, info: 0, transactionId: 10, body: bodyOf(Buffer.alloc(36)) });
    older.record({ resourceManager: 10, info: 0, transactionId: 11, body: bodyOf(Buffer.alloc(36)) });
    const newer = new WalWriter(startLsn, segmentSizeBytes);
    newer.record({ resourceManager: 10, info: 0, transactionId: 1, body: bodyOf(Buffer.alloc(100)) });
    const bytes = newer.bytes;
    // The third old record still lies where the first new one ends, whole, with its CRC.
    const end = Number((newer.written[0]?.endLsn ?? 0n) - startLsn);
    const third = Number((older.written[2]?.lsn ?? 0n) - startLsn);
    assert.equal(end, third);
    bytes.set(older.bytes.subarray(third, third + 200), end);
    assert.deepEqual(decode(bytes), {
      transactionIds: [1],
      stoppedBecause: 'a record that does not follow the one before',
    });
  });
});
