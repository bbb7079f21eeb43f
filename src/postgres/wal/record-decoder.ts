/**
 * Finds the records in WAL pages as xlogreader.c does, from bytes pushed in pieces of any size.
 *
 * A record starts 8-byte aligned and may run over any number of pages; each page begins with a header that lies in the
 * middle of such a record. Memory holds one page, and the bodies of wanted records.
 */
import { finishCrc32c, startCrc32c, updateCrc32c } from '../../base/checksum/crc32c.ts';
import type { WalGeometry } from './geometry.ts';
import type { Lsn } from './lsn.ts';
import {
  isValidBlockSize,
  longHeaderBytes,
  overwrittenContinuationFlag,
  pageFlags,
  parseLongPageHeader,
  readPageHeader,
  shortHeaderBytes,
  type PageHeader,
} from './page-header.ts';
import { infoMask, resourceManagers, xlogSwitch, type WalRecord } from './record.ts';
import { mainDataOf } from './record-body.ts';

export interface DecoderOptions {
  /** LSN of the first byte pushed: the start of a segment. */
  readonly startLsn: Lsn;
  readonly geometry: WalGeometry;
  /** The magic of every page; by default that of the first page. */
  readonly magic?: number;
  /** Resource managers whose main data is wanted; transactions and XLOG itself by default. */
  readonly wanted?: readonly number[];
}

/**
 * Longest main data that is kept. PostgreSQL's largest record is just below 1 GiB, but no caller needs that much of a
 * commit record.
 */
const keptBytesLimit = 64 * 1024 ** 2;
const recordHeaderBytes = 24;
const crcOffset = 20;

/** A record whose end lies on a later page. */
interface OpenRecord {
  readonly start: number;
  readonly sizeBytes: number;
  readonly header: Uint8Array;
  gotBytes: number;
  crc: number;
  isWanted: boolean;
  kept: Uint8Array[];
  keptBytes: number;
}

export class WalRecordDecoder {
  readonly #options: DecoderOptions;
  readonly #wanted: readonly number[];
  readonly #onRecord: (record: WalRecord) => void;
  #partialPage: Uint8Array[] = [];
  #partialBytes = 0;
  #pageBytes = 0;
  #magic: number;
  /** Byte offsets below count from `startLsn`, so that the hot path needs no bigint. */
  #pageStart = 0;
  #lastRecordStart: number | undefined;
  #end: number;
  #timeline = 0;
  #open: OpenRecord | undefined;
  /** False until the rest of a record that began before the first page has been passed. */
  #isAligned = false;
  #isAfterSwitch = false;
  #stop: string | undefined;

  constructor(options: DecoderOptions, onRecord: (record: WalRecord) => void) {
    this.#options = options;
    this.#wanted = options.wanted ?? [resourceManagers.xlog, resourceManagers.xact];
    this.#onRecord = onRecord;
    this.#magic = options.magic ?? 0;
    this.#end = 0;
  }

  /** The reason why no further record will come; usually a zeroed tail. Undefined before that. */
  get stoppedBecause(): string | undefined {
    return this.#stop;
  }

  /** The end of the last valid record, or `startLsn`. */
  get endLsn(): Lsn {
    return this.#lsn(this.#end);
  }

  /** Takes the next bytes, and calls back for each record that ends in them. The buffer may be reused afterwards. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (this.#stop === undefined && at < chunk.length) {
      if (this.#partialBytes === 0 && this.#pageBytes > 0 && chunk.length - at >= this.#pageBytes) {
        this.#readPage(chunk.subarray(at, at + this.#pageBytes));
        at += this.#pageBytes;
        continue;
      }
      const needed = (this.#pageBytes || longHeaderBytes) - this.#partialBytes;
      const piece = copyOf(chunk, at, at + needed);
      this.#partialPage.push(piece);
      this.#partialBytes += piece.length;
      at += piece.length;
      if (piece.length === needed) this.#completePartialPage();
    }
  }

  #completePartialPage(): void {
    const bytes = Buffer.concat(this.#partialPage);
    if (this.#pageBytes > 0) {
      this.#partialPage = [];
      this.#partialBytes = 0;
      this.#readPage(bytes);
      return;
    }
    const header = parseLongPageHeader(bytes);
    const sizeBytes = header?.blockSizeBytes ?? 0;
    if (!isValidBlockSize(sizeBytes)) {
      this.#stop = 'the first page has no valid header';
      return;
    }
    this.#pageBytes = sizeBytes;
    this.#magic ||= header?.magic ?? 0;
  }

  #readPage(page: Uint8Array): void {
    const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
    const header = readPageHeader(view, 0);
    const isFirstOfSegment = this.#pageStart % this.#options.geometry.segmentSizeBytes === 0;
    if (isFirstOfSegment) this.#isAfterSwitch = false;
    if (!this.#isAfterSwitch) {
      this.#stop = this.#pageProblem(header, isFirstOfSegment);
      if (this.#stop === undefined) {
        this.#timeline = header.timeline;
        this.#readRecords(page, view, header, isFirstOfSegment ? longHeaderBytes : shortHeaderBytes);
      }
    }
    this.#pageStart += this.#pageBytes;
  }

  #pageProblem(header: PageHeader, isFirstOfSegment: boolean): string | undefined {
    if (header.magic === 0) return 'a zeroed page';
    if (header.magic !== this.#magic) return `a page of another version (magic ${header.magic.toString(16)})`;
    if (header.pageAddress !== this.#lsn(this.#pageStart))
      return 'a page left from an earlier use of the file';
    if (header.timeline < this.#timeline) return 'a page of an earlier timeline';
    if (((header.info & pageFlags.longHeader) !== 0) !== isFirstOfSegment)
      return 'a page with the wrong header';
    return undefined;
  }

  #readRecords(page: Uint8Array, view: DataView, header: PageHeader, headerBytes: number): void {
    let at = this.#continueRecord(page, header, headerBytes);
    while (this.#stop === undefined && !this.#isAfterSwitch && at < page.length) {
      const sizeBytes = view.getUint32(at, true);
      if (sizeBytes < recordHeaderBytes) {
        this.#stop = sizeBytes === 0 ? 'a zeroed tail' : 'a record shorter than its header';
      } else if (sizeBytes <= page.length - at) {
        this.#wholeRecord(page, view, at, sizeBytes);
        at = align(at + sizeBytes);
      } else {
        this.#open = openRecord(this.#pageStart + at, sizeBytes);
        this.#feed(this.#open, page, at, page.length);
        return;
      }
    }
  }

  /** Continues a record from the page before, by the page's header. @returns where the next record may start */
  #continueRecord(page: Uint8Array, header: PageHeader, headerBytes: number): number {
    const isContinuation = (header.info & pageFlags.firstIsContinuation) !== 0;
    const takenBytes = Math.min(header.remainingBytes, page.length - headerBytes);
    const next = align(headerBytes + takenBytes);
    const open = this.#open;
    if (open === undefined) {
      if (!isContinuation) this.#isAligned = true;
      else if (this.#isAligned) this.#stop = 'a continuation of no record';
      else if (takenBytes === header.remainingBytes) this.#isAligned = true;
      return isContinuation ? (this.#isAligned ? next : page.length) : headerBytes;
    }
    if ((header.info & overwrittenContinuationFlag(this.#magic)) !== 0) {
      // A crash left the record unfinished for ever; the server noted that here and went on (xlog.c, PostgreSQL 13.5+).
      this.#open = undefined;
      return headerBytes;
    }
    if (!isContinuation || header.remainingBytes !== open.sizeBytes - open.gotBytes) {
      this.#stop = 'a record without its continuation';
      return page.length;
    }
    this.#feed(open, page, headerBytes, headerBytes + takenBytes);
    if (open.gotBytes < open.sizeBytes) return page.length;
    this.#open = undefined;
    this.#finish(open, this.#pageStart + next);
    return next;
  }

  #feed(open: OpenRecord, page: Uint8Array, start: number, end: number): void {
    const inHeader = Math.max(0, Math.min(recordHeaderBytes - open.gotBytes, end - start));
    if (inHeader > 0) {
      open.header.set(page.subarray(start, start + inHeader), open.gotBytes);
      if (open.gotBytes + inHeader === recordHeaderBytes) open.isWanted = this.#wants(open.header[17]);
    }
    const bodyStart = start + inHeader;
    open.crc = updateCrc32c(open.crc, page, bodyStart, end);
    if (open.isWanted && open.keptBytes < keptBytesLimit) {
      open.kept.push(copyOf(page, bodyStart, end));
      open.keptBytes += end - bodyStart;
    }
    open.gotBytes += end - start;
  }

  #wants(resourceManager: number | undefined): boolean {
    return this.#wanted.includes(resourceManager ?? -1);
  }

  #finish(open: OpenRecord, end: number): void {
    const { header } = open;
    const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
    const body = open.isWanted ? Buffer.concat(open.kept) : noBytes;
    this.#emit({ header, view, at: 0, crc: open.crc, start: open.start, end, body });
  }

  #wholeRecord(page: Uint8Array, view: DataView, at: number, sizeBytes: number): void {
    const bodyStart = at + recordHeaderBytes;
    const crc = updateCrc32c(startCrc32c, page, bodyStart, at + sizeBytes);
    const body = this.#wants(page[at + 17]) ? copyOf(page, bodyStart, at + sizeBytes) : noBytes;
    const start = this.#pageStart + at;
    this.#emit({ header: page, view, at, crc, start, end: align(start + sizeBytes), body });
  }

  #emit(found: FoundRecord): void {
    const { header, view, at, start } = found;
    // The CRC covers the body first, then the header up to the CRC itself (ValidXLogRecord).
    const crc = finishCrc32c(updateCrc32c(found.crc, header, at, at + crcOffset));
    if (crc !== view.getUint32(at + crcOffset, true)) {
      this.#stop = 'a record with a wrong CRC';
      return;
    }
    const previous = this.#lastRecordStart;
    if (previous !== undefined && view.getBigUint64(at + 8, true) !== this.#lsn(previous)) {
      this.#stop = 'a record that does not follow the one before';
      return;
    }
    const resourceManager = header[at + 17] as number;
    const info = header[at + 16] as number;
    const isSwitch = resourceManager === resourceManagers.xlog && (info & infoMask) === xlogSwitch;
    const { segmentSizeBytes } = this.#options.geometry;
    const end = isSwitch ? Math.ceil(found.end / segmentSizeBytes) * segmentSizeBytes : found.end;
    this.#isAfterSwitch = isSwitch;
    this.#lastRecordStart = start;
    this.#end = end;
    this.#onRecord({
      lsn: this.#lsn(start),
      endLsn: this.#lsn(end),
      resourceManager,
      info,
      transactionId: view.getUint32(at + 4, true),
      data: found.body.length === 0 ? noBytes : mainDataOf(found.body, this.#magic),
      body: found.body,
      magic: this.#magic,
    });
  }

  #lsn(offset: number): Lsn {
    return this.#options.startLsn + BigInt(offset);
  }
}

interface FoundRecord {
  readonly header: Uint8Array;
  readonly view: DataView;
  /** Where the record's header starts in `header` and `view`. */
  readonly at: number;
  /** The unfinished checksum over the body. */
  readonly crc: number;
  readonly start: number;
  readonly end: number;
  readonly body: Uint8Array;
}

const noBytes = new Uint8Array(0);

function openRecord(start: number, sizeBytes: number): OpenRecord {
  return {
    start,
    sizeBytes,
    header: new Uint8Array(recordHeaderBytes),
    gotBytes: 0,
    crc: startCrc32c,
    isWanted: false,
    kept: [],
    keptBytes: 0,
  };
}

/** `slice` does not copy: on a Buffer it shares the memory. */
function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}

/** MAXALIGN: 8 bytes on every 64-bit platform. */
function align(offset: number): number {
  return (offset + 7) & ~7;
}
