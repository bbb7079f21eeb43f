import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { DropTracker } from '../../../../src/postgres/wal/drop-tracker.ts';
import { resourceManagers, type WalRecord } from '../../../../src/postgres/wal/record.ts';
import { mainDataOf } from '../../../../src/postgres/wal/record-body.ts';

const magic = { 13: 0xd106, 14: 0xd10d, 15: 0xd110 } as const;
const { xlog, xact, database, tablespace, heap } = resourceManagers;
const noBytes = new Uint8Array(0);

type Made = Partial<Pick<WalRecord, 'transactionId' | 'body' | 'magic'>> & { manager: number; info: number };

/** The drops in progress after records whose LSNs are 1, 2, 3… */
function after(...records: readonly Made[]) {
  const tracker = new DropTracker();
  for (const [
    index,
    { manager, info, transactionId = 0, body = noBytes, magic: made = magic[15] },
  ] of records.entries())
    tracker.take({
      lsn: BigInt(index + 1),
      endLsn: BigInt(index + 2),
      resourceManager: manager,
      info,
      transactionId,
      data: mainDataOf(body, made),
      body,
      magic: made,
    });
  return tracker.open.map(({ kind, lsn, objectId, name, commits }) => [
    kind,
    lsn,
    objectId,
    name,
    commits.count,
  ]);
}

const short = (main: Uint8Array) => Uint8Array.of(255, main.length, ...main);
const u32 = (...numbers: readonly number[]) => new Uint8Array(Uint32Array.from(numbers).buffer);

/** A body with one block of a shared catalogue, or of a table in database 5. */
function body(main: Uint8Array, content: { data?: Uint8Array; image?: Uint8Array; isTable?: boolean } = {}) {
  const { data = noBytes, image, isTable = false } = content;
  const header = [0, image === undefined ? 0x20 : 0x10, data.length & 255, data.length >> 8];
  // A hole of 4,096 bytes from 28 on.
  if (image !== undefined) header.push(image.length & 255, image.length >> 8, 28, 0, 1);
  const relation = isTable ? u32(1663, 5, 1262, 0) : u32(1664, 0, 1262, 0);
  return Uint8Array.of(
    ...header,
    ...relation,
    ...short(main).subarray(0, 2),
    ...(image ?? noBytes),
    ...data,
    ...main,
  );
}

function row(connectionLimit: number, limitAt = 80): Uint8Array {
  const bytes = Buffer.alloc(limitAt + 24);
  bytes.writeUInt32LE(16_399, 0);
  bytes.write('sales', 4);
  bytes.writeInt32LE(connectionLimit, limitAt);
  return bytes;
}

/** A page with one row at its end, without its hole. */
function page(content: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(4096);
  bytes.writeUInt16LE(8192 | 4, 18);
  const tuple = Buffer.concat([Buffer.alloc(22), Uint8Array.of(24, 0), content]);
  bytes.set(tuple, 4096 - tuple.length);
  bytes.writeUInt32LE((tuple.length << 17) | (1 << 15) | (8192 - tuple.length), 24);
  return bytes;
}

const offset = Uint8Array.of(1, 0);
const inPlace = (limit: number): Made => ({
  manager: heap,
  info: 0x70,
  body: body(offset, { data: row(limit) }),
});
const deleteRow = (transactionId: number): Made => ({
  manager: heap,
  info: 0x10,
  transactionId,
  body: body(Uint8Array.of(...u32(transactionId), 1, 0, 0, 0)),
});
const files = (transactionId: number, info = 0x20, id = 16_399): Made => ({
  manager: database,
  info,
  transactionId,
  body: short(u32(id, 1, 1663)),
});
const end = (transactionId: number, info = 0x00): Made => ({
  manager: xact,
  info,
  transactionId,
  body: short(new Uint8Array(8)),
});
const online: Made = { manager: xlog, info: 0x10 };

describe('drops in progress', () => {
  const drop = [inPlace(-2), deleteRow(700), online, files(700), end(700)];

  test('a database, from the mark of its row to the commit', () => {
    for (let count = 1; count < drop.length; count++)
      assert.deepEqual(after(...drop.slice(0, count)), [['database', 1n, 16_399, 'sales', 0]]);
    assert.deepEqual(after(...drop), []);
    assert.deepEqual(after(inPlace(-2), deleteRow(700), end(700, 0x20)), [], 'given up by an error');
  });

  test('the row in an image of its page; a row that cannot be read counts once it is deleted', () => {
    const image = { ...inPlace(-2), body: body(offset, { image: page(row(-2)) }) };
    assert.deepEqual(after(image, deleteRow(700)), [['database', 1n, 16_399, 'sales', 0]]);
    const unread = { ...inPlace(-2), body: body(offset) };
    assert.deepEqual(after(unread), []);
    assert.deepEqual(after(unread, deleteRow(700), files(700)), [['database', 1n, 16_399, undefined, 0]]);
  });

  test('before PostgreSQL 15 the row is longer and the records have other numbers', () => {
    const old = (made: Made) => ({ ...made, magic: magic[14] });
    const marked = { ...inPlace(-2), body: body(offset, { data: row(-2, 208) }) };
    assert.deepEqual(after(old(marked), old(deleteRow(700)), old(files(700, 0x10))), [
      ['database', 1n, 16_399, 'sales', 0],
    ]);
  });

  test('a server that does not mark the row: from the removal of the files', () => {
    assert.deepEqual(after(deleteRow(700), online, files(700)), [['database', 3n, 16_399, undefined, 0]]);
    const vacuumed = [inPlace(-1), deleteRow(700), files(700)];
    assert.deepEqual(after(...vacuumed), [['database', 3n, 16_399, undefined, 0]]);
  });

  test('a tablespace, from the removal of its directory', () => {
    const removal = { manager: tablespace, info: 0x10, transactionId: 700, body: short(u32(16_400)) };
    assert.deepEqual(after(removal), [['tablespace', 1n, 16_400, undefined, 0]]);
    assert.deepEqual(after(removal, end(700)), []);
  });

  test('commits of others are counted, rollbacks are not', () => {
    const commits = [end(701), end(702, 0x20), end(703)];
    assert.deepEqual(after(end(699), inPlace(-2), deleteRow(700), ...commits), [
      ['database', 2n, 16_399, 'sales', 2],
    ]);
  });

  test('what removes no database in use is none: a move, a failed CREATE DATABASE, VACUUM, tables, a restart', () => {
    assert.deepEqual(after(files(0)), []);
    assert.deepEqual(after(files(700, 0x10), files(700)), []);
    assert.deepEqual(after(inPlace(-1)), []);
    const table = { ...inPlace(-2), body: body(offset, { data: row(-2), isTable: true }) };
    assert.deepEqual(after(table), []);
    for (const info of [0x00, 0x90])
      assert.deepEqual(after(inPlace(-2), deleteRow(700), { manager: xlog, info }), []);
  });

  test('a record whose data ends before the place of its row tells nothing', () => {
    assert.deepEqual(after({ manager: heap, info: 0x70, body: body(Uint8Array.of(1)) }), []);
    assert.deepEqual(after({ manager: heap, info: 0x10, body: body(Uint8Array.of(0, 0, 0, 0, 1)) }), []);
  });
});
