/**
 * Databases and tablespaces whose DROP has begun and not ended at a position in the WAL: recovery must not stop there.
 *
 * DROP DATABASE (dbcommands.c, dropdb) marks the row of pg_database invalid by an update in place, which no end of a
 * transaction undoes, deletes the row, waits for a checkpoint, and removes the files with an XLOG_DBASE_DROP record. Its
 * commit comes last. A recovery that stops in between has a row of a database that nobody can connect to. Servers before
 * August 2023 (13.12, 14.9, 15.4) do not mark the row: there the record of the removal is the first to avoid. DROP
 * TABLESPACE removes the directory before its commit too (tablespace.c, DropTableSpace).
 */
import { walEventOf } from './commit-record.ts';
import type { Lsn } from './lsn.ts';
import { postgresMajorOfPageMagic } from './page-header.ts';
import { infoMask, resourceManagers, type WalRecord } from './record.ts';
import { blocksOf, type BlockReference } from './record-body.ts';

export interface DropInProgress {
  readonly kind: 'database' | 'tablespace';
  /** Recovery that stops before the record at this position keeps the object. */
  readonly lsn: Lsn;
  /** The OID; undefined if it is not known yet. */
  readonly objectId: number | undefined;
  readonly name: string | undefined;
  /** The commits of other transactions since `lsn`. */
  readonly commits: CommitsSince;
}

export interface CommitsSince {
  readonly count: number;
  readonly firstTimeMicros: bigint | undefined;
  readonly lastTimeMicros: bigint | undefined;
  /** The first few. */
  readonly transactionIds: readonly number[];
}

/** The resource managers whose records `DropTracker` needs. */
export const recordsOfDrops = Object.values(resourceManagers);

type OpenDrop = { -readonly [Key in keyof DropInProgress]: DropInProgress[Key] } & {
  transactionId: number | undefined;
};

/** The last update in place of a row of pg_database. */
interface InPlaceUpdate {
  readonly lsn: Lsn;
  readonly row: DatabaseRow | undefined;
}

export class DropTracker {
  readonly #open = new Set<OpenDrop>();
  readonly #inPlace = new Map<string, InPlaceUpdate>();
  /** Databases that an open transaction has made: if it fails, it removes them with the record of a drop. */
  readonly #created = new Map<number, number>();

  /** The drops in progress after the last record, in the order in which they began. */
  get open(): readonly DropInProgress[] {
    return [...this.#open].toSorted((a, b) => (a.lsn < b.lsn ? -1 : 1));
  }

  take(record: WalRecord): void {
    const operation = record.info & infoMask;
    switch (record.resourceManager) {
      case resourceManagers.heap:
        this.#takeHeap(record, operation & heapOperationMask);
        break;
      case resourceManagers.database:
        this.#takeDatabase(record, operation);
        break;
      case resourceManagers.tablespace:
        if (operation === tablespaceDrop) this.#begin('tablespace', record, objectIdOf(record));
        break;
      case resourceManagers.xact:
        this.#takeEnd(record);
        break;
      default:
        if (isRestart(record, operation)) this.#forget();
    }
  }

  #takeHeap(record: WalRecord, operation: number): void {
    if (operation !== heapInPlace && operation !== heapDelete) return;
    const [block] = blocksOf(record.body, record.magic);
    if (block?.tablespaceId !== globalTablespace || block.databaseId !== 0) return;
    const offsetAt = operation === heapInPlace ? 0 : 4;
    if (record.data.length < offsetAt + 2) return;
    const offset = viewOf(record.data).getUint16(offsetAt, true);
    const tuple = `${block.relationFile}/${block.block}/${offset}`;
    if (operation === heapInPlace) {
      const row = databaseRowOf(block, offset, record.magic);
      this.#inPlace.set(tuple, { lsn: record.lsn, row });
      if (row?.isInvalid === true) this.#add({ lsn: record.lsn, row, transactionId: undefined });
      return;
    }
    const update = this.#inPlace.get(tuple);
    this.#inPlace.delete(tuple);
    if (update === undefined || update.row?.isInvalid === false) return;
    const marked = [...this.#open].find(({ lsn }) => lsn === update.lsn);
    if (marked !== undefined) marked.transactionId = record.transactionId;
    else this.#add({ ...update, transactionId: record.transactionId });
  }

  #takeDatabase(record: WalRecord, operation: number): void {
    const isSince15 = (postgresMajorOfPageMagic(record.magic) ?? 15) >= 15;
    const databaseId = objectIdOf(record);
    if (operation !== (isSince15 ? 0x20 : 0x10)) {
      this.#created.set(databaseId, record.transactionId);
      return;
    }
    // ALTER DATABASE … SET TABLESPACE removes the old directory by the same record, outside any transaction.
    const isOther = record.transactionId === 0 || this.#created.get(databaseId) === record.transactionId;
    if (!isOther) this.#begin('database', record, databaseId);
  }

  /** Notes the removal of the files; a drop of the same transaction that is known already began earlier. */
  #begin(kind: DropInProgress['kind'], { lsn, transactionId }: WalRecord, objectId: number): void {
    const known = [...this.#open].find(drop => drop.kind === kind && drop.transactionId === transactionId);
    if (known !== undefined) known.objectId = objectId;
    else this.#open.add({ kind, lsn, objectId, name: undefined, commits: noCommits, transactionId });
  }

  #add({ lsn, row, transactionId }: InPlaceUpdate & { readonly transactionId: number | undefined }): void {
    this.#open.add({
      kind: 'database',
      lsn,
      objectId: row?.id,
      name: row?.name,
      commits: noCommits,
      transactionId,
    });
  }

  #takeEnd(record: WalRecord): void {
    const event = walEventOf(record);
    if (event?.kind !== 'commit' && event?.kind !== 'abort') return;
    for (const [databaseId, transactionId] of this.#created)
      if (transactionId === event.transactionId) this.#created.delete(databaseId);
    for (const drop of this.#open) {
      if (drop.transactionId === event.transactionId) this.#open.delete(drop);
      else if (event.kind === 'commit') drop.commits = withCommit(drop.commits, event);
    }
  }

  /** The server stopped, or crashed: what it had not ended stays as it is. */
  #forget(): void {
    this.#open.clear();
    this.#inPlace.clear();
    this.#created.clear();
  }
}

const noCommits: CommitsSince = {
  count: 0,
  firstTimeMicros: undefined,
  lastTimeMicros: undefined,
  transactionIds: [],
};
const namedTransactions = 5;

function withCommit(
  before: CommitsSince,
  { timeMicros, transactionId }: { readonly timeMicros: bigint; readonly transactionId: number },
): CommitsSince {
  const { count, firstTimeMicros = timeMicros, transactionIds } = before;
  return {
    count: count + 1,
    firstTimeMicros,
    lastTimeMicros: timeMicros,
    transactionIds: [...transactionIds, transactionId].slice(0, namedTransactions),
  };
}

/** heapam_xlog.h; bit 0x80 says that the page was made by this record. */
const heapOperationMask = 0x70;
const heapDelete = 0x10;
const heapInPlace = 0x70;
/** XLOG_TBLSPC_DROP (tablespace.h). */
const tablespaceDrop = 0x10;
/** GLOBALTABLESPACE_OID: of its catalogues, pg_database alone is updated in place. */
const globalTablespace = 1664;

/** pg_control.h: XLOG_CHECKPOINT_SHUTDOWN and XLOG_END_OF_RECOVERY. */
export function isRestart({ resourceManager }: WalRecord, operation: number): boolean {
  return resourceManager === resourceManagers.xlog && (operation === 0x00 || operation === 0x90);
}

/** The object id that the records of databases and tablespaces begin with. */
function objectIdOf({ data }: WalRecord): number {
  return data.length < 4 ? 0 : viewOf(data).getUint32(0, true);
}

interface DatabaseRow {
  readonly id: number;
  readonly name: string;
  /** True if `datconnlimit` is DATCONNLIMIT_INVALID_DB (pg_database.h). */
  readonly isInvalid: boolean;
}

/** The row after the update: in the record's data, or in the image of the page. Undefined if it cannot be read. */
function databaseRowOf(
  { data, image }: BlockReference,
  offset: number,
  magic: number,
): DatabaseRow | undefined {
  const row = data.length > 0 ? data : image && tupleOf(image, offset);
  const limitAt = (postgresMajorOfPageMagic(magic) ?? 15) < 15 ? 208 : 80;
  if (row === undefined || row.length < limitAt + 4) return undefined;
  const view = viewOf(row);
  const name = Buffer.from(row.subarray(4, 68)).toString('utf8').replace(/\0.*$/s, '');
  return { id: view.getUint32(0, true), name, isInvalid: view.getInt32(limitAt, true) === -2 };
}

/** A row of a page image, without its header (bufpage.h, htup_details.h). The free space is left out of the image. */
function tupleOf(
  { bytes, holeOffset }: NonNullable<BlockReference['image']>,
  offset: number,
): Uint8Array | undefined {
  const linesStart = 24;
  const lineAt = linesStart + (offset - 1) * 4;
  if (bytes.length < lineAt + 4) return undefined;
  const view = viewOf(bytes);
  const pageBytes = view.getUint16(18, true) & 0xff00;
  const line = view.getUint32(lineAt, true);
  const inPage = line & 0x7fff;
  const at = inPage > holeOffset ? inPage - (pageBytes - bytes.length) : inPage;
  const tuple = bytes.subarray(at, at + (line >>> 17));
  return tuple.length > 22 ? tuple.subarray(tuple[22]) : undefined;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
