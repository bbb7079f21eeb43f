import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { WalGeometry } from '../../../src/postgres/wal/geometry.ts';
import type { WalRecord } from '../../../src/postgres/wal/record.ts';
import { WalRecordDecoder } from '../../../src/postgres/wal/record-decoder.ts';
import {
  bodyOf,
  pageBytes,
  WalWriter,
  type MadeRecord,
  type WalFormat,
} from '../../support/wal/wal-writer.ts';

const segmentSizeBytes = 1024 ** 2;
const startLsn = 7n * BigInt(segmentSizeBytes);

type Step =
  { kind: 'record' | 'overwritten'; resourceManager: number; sizeBytes: number } | { kind: 'switch' };

const sizes = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 400 }) },
  { weight: 3, arbitrary: fc.integer({ min: 7900, max: 8300 }) },
  { weight: 1, arbitrary: fc.integer({ min: 20_000, max: 1_300_000 }) },
);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 20,
      arbitrary: fc.record({
        kind: fc.constant('record' as const),
        resourceManager: fc.integer({ min: 0, max: 21 }),
        sizeBytes: sizes,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('overwritten' as const),
        resourceManager: fc.integer({ min: 1, max: 21 }),
        sizeBytes: fc.integer({ min: 9000, max: 60_000 }),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: 'switch' as const }) },
  ),
  { minLength: 1, maxLength: 60 },
);

/** Of 13, 18 and 19; of servers that were built with the smallest and the largest blocks. */
const formats: fc.Arbitrary<WalFormat> = fc.record({
  magic: fc.constantFrom(0xd106, 0xd118, 0xd122),
  blockSizeBytes: fc.constantFrom(1024, pageBytes, 65_536),
});

function write(all: readonly Step[], continuedBytes: number, format?: WalFormat): WalWriter {
  const writer = new WalWriter(startLsn, segmentSizeBytes, format);
  if (continuedBytes > 0) writer.continuation(continuedBytes);
  for (const [index, step] of all.entries()) {
    if (step.kind === 'switch') {
      writer.record({ resourceManager: 0, info: 0x40, transactionId: 0, body: new Uint8Array(0) });
      continue;
    }
    // One that is overwritten is longer than a page.
    const extraBytes = step.kind === 'overwritten' ? (format?.blockSizeBytes ?? 0) : 0;
    const body = bodyOf(Buffer.alloc(step.sizeBytes + extraBytes, index + 1));
    const made: MadeRecord = {
      resourceManager: step.resourceManager,
      info: 0x10,
      transactionId: index,
      body,
    };
    if (step.kind === 'record') writer.record(made);
    else writer.overwritten(made);
  }
  return writer;
}

interface Decoded {
  records: { lsn: bigint; endLsn: bigint; transactionId: number; data: string }[];
  stoppedBecause: string | undefined;
  endLsn: bigint;
}

/** Decodes from one reused buffer, refilled with pieces of the given sizes in turn. */
function decode(bytes: Uint8Array, pieceSizes: readonly number[]): Decoded {
  const records: Decoded['records'] = [];
  const decoder = new WalRecordDecoder(
    { startLsn, geometry: new WalGeometry(segmentSizeBytes) },
    (record: WalRecord) => {
      const { lsn, endLsn, transactionId } = record;
      records.push({ lsn, endLsn, transactionId, data: digest(record.data) });
    },
  );
  const buffer = Buffer.alloc(Math.max(...pieceSizes));
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const sizeBytes = Math.min(pieceSizes[turn % pieceSizes.length] ?? 1, bytes.length - at);
    buffer.set(bytes.subarray(at, at + sizeBytes));
    decoder.push(buffer.subarray(0, sizeBytes));
    at += sizeBytes;
  }
  return { records, stoppedBecause: decoder.stoppedBecause, endLsn: decoder.endLsn };
}

function digest(data: Uint8Array): string {
  return `${data.length}:${data[0] ?? ''}:${data.at(-1) ?? ''}`;
}

function expected(writer: WalWriter): Decoded['records'] {
  return writer.written.map(({ lsn, endLsn, transactionId, resourceManager, body }) => {
    const isWanted = resourceManager <= 1 && body.length > 0;
    const mainData = body.subarray(body[0] === 255 ? 2 : 5);
    return { lsn, endLsn, transactionId, data: digest(isWanted ? mainData : new Uint8Array(0)) };
  });
}

describe('records of made-up WAL', () => {
  test('come back as written, however the bytes are split', () => {
    fc.assert(
      fc.property(
        steps,
        fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 30_000 })),
        fc.array(fc.oneof(fc.integer({ min: 500, max: 300_000 }), fc.constant(pageBytes)), {
          minLength: 1,
          maxLength: 5,
        }),
        formats,
        (all, continuedBytes, pieceSizes, format) => {
          const writer = write(all, continuedBytes, format);
          const decoded = decode(writer.bytes, pieceSizes);
          assert.deepEqual(decoded.records, expected(writer), decoded.stoppedBecause ?? 'all read');
        },
      ),
      { numRuns: 60 },
    );
  });

  test('of bytes cut short, the records that end before the cut come back, and no other', () => {
    fc.assert(
      fc.property(steps, fc.double({ min: 0, max: 1, noNaN: true }), (all, share) => {
        const writer = write(all, 0);
        const cut = Math.floor(writer.bytes.length * share);
        const decoded = decode(writer.bytes.subarray(0, cut), [100_000]);
        const whole = expected(writer);
        assert.deepEqual(decoded.records, whole.slice(0, decoded.records.length));
        // A page counts once it is there as a whole.
        const pagesEnd = startLsn + BigInt(Math.floor(cut / pageBytes) * pageBytes);
        const missed = whole[decoded.records.length];
        const isSwitch = (lsn: bigint) => writer.written.some(r => r.lsn === lsn && r.info === 0x40);
        assert.ok(missed === undefined || missed.endLsn > pagesEnd || isSwitch(missed.lsn));
      }),
      { numRuns: 60 },
    );
  });

  test('after a changed byte nothing false comes: only a prefix of what was written', () => {
    fc.assert(
      fc.property(steps, fc.nat(), fc.integer({ min: 1, max: 255 }), (all, place, change) => {
        const writer = write(all, 0);
        const bytes = Buffer.from(writer.bytes);
        const at = place % bytes.length;
        bytes[at] = (bytes[at] ?? 0) ^ change;
        const { records } = decode(bytes, [65_536]);
        assert.deepEqual(records, expected(writer).slice(0, records.length));
      }),
      { numRuns: 100 },
    );
  });

  test('random bytes give no records and no crash', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 20_000 }), bytes => {
        assert.deepEqual(decode(bytes, [777]).records, []);
      }),
    );
  });
});
