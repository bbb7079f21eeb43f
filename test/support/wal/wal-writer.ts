/** Writes WAL in PostgreSQL's format, with records that a test makes up: pages, continuations, switches, overwrites. */
import { finishCrc32c, startCrc32c, updateCrc32c } from '../../../src/base/checksum/crc32c.ts';
import { longHeaderBytes, pageFlags, shortHeaderBytes } from '../../../src/postgres/wal/page-header.ts';
import type { Lsn } from '../../../src/postgres/wal/lsn.ts';

export const pageBytes = 8192;

export interface WalFormat {
  /** XLOG_PAGE_MAGIC; default: that of 15. */
  readonly magic?: number;
  /** XLOG_BLCKSZ; default: `pageBytes`. */
  readonly blockSizeBytes?: number;
}

export interface MadeRecord {
  readonly resourceManager: number;
  readonly info: number;
  readonly transactionId: number;
  /** Everything after the record header. */
  readonly body: Uint8Array;
}

export interface WrittenRecord extends MadeRecord {
  readonly lsn: Lsn;
  readonly endLsn: Lsn;
}

export class WalWriter {
  readonly written: WrittenRecord[] = [];
  readonly #startLsn: Lsn;
  readonly #segmentSizeBytes: number;
  readonly #magic: number;
  readonly #pageBytes: number;
  #bytes = Buffer.alloc(0);
  #at = 0;
  #previousLsn: Lsn = 0n;

  constructor(startLsn: Lsn, segmentSizeBytes: number, format: WalFormat = {}) {
    this.#startLsn = startLsn;
    this.#segmentSizeBytes = segmentSizeBytes;
    this.#magic = format.magic ?? 0xd110;
    this.#pageBytes = format.blockSizeBytes ?? pageBytes;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** The rest of a record that began before these bytes. */
  continuation(sizeBytes: number): void {
    this.#put(Buffer.alloc(sizeBytes, 0x5a), sizeBytes, true);
    this.#align();
  }

  record(made: MadeRecord): void {
    const { start, image } = this.#image(made);
    this.#put(image, image.length, false);
    this.#align();
    const isSwitch = made.resourceManager === 0 && made.info === 0x40;
    if (isSwitch) this.#at = Math.ceil(this.#at / this.#segmentSizeBytes) * this.#segmentSizeBytes;
    this.written.push({ ...made, lsn: start, endLsn: this.#startLsn + BigInt(this.#at) });
    this.#previousLsn = start;
  }

  /** A record whose writer crashed at the end of its first page; the next record overwrites what is missing. */
  overwritten(made: MadeRecord): void {
    const { image } = this.#image(made);
    const room = this.#pageBytes - (this.#at % this.#pageBytes);
    this.#put(image.subarray(0, Math.min(room, image.length)), image.length, false);
    this.#at = Math.ceil(this.#at / this.#pageBytes) * this.#pageBytes;
    // 19 gave XLP_FIRST_IS_OVERWRITE_CONTRECORD the bit of a flag that it had no use for any more.
    this.#startPage(this.#magic >= 0xd11f ? 0x04 : 0x08, 0);
  }

  #image(made: MadeRecord): { start: Lsn; image: Buffer } {
    if (this.#at % this.#pageBytes === 0) this.#startPage(0, 0);
    const start = this.#startLsn + BigInt(this.#at);
    const image = Buffer.alloc(24 + made.body.length);
    image.writeUInt32LE(image.length, 0);
    image.writeUInt32LE(made.transactionId, 4);
    image.writeBigUInt64LE(this.#previousLsn, 8);
    image[16] = made.info;
    image[17] = made.resourceManager;
    image.set(made.body, 24);
    const crc = updateCrc32c(startCrc32c, image, 24, image.length);
    image.writeUInt32LE(finishCrc32c(updateCrc32c(crc, image, 0, 20)), 20);
    return { start, image };
  }

  #put(data: Uint8Array, totalBytes: number, isContinuation: boolean): void {
    let done = 0;
    while (done < data.length) {
      if (this.#at % this.#pageBytes === 0) {
        const flag = done > 0 || isContinuation ? pageFlags.firstIsContinuation : 0;
        this.#startPage(flag, flag === 0 ? 0 : totalBytes - done);
      }
      const room = this.#pageBytes - (this.#at % this.#pageBytes);
      const piece = data.subarray(done, done + room);
      this.#bytes.set(piece, this.#at);
      this.#at += piece.length;
      done += piece.length;
    }
  }

  #startPage(info: number, remainingBytes: number): void {
    const isFirst = this.#at % this.#segmentSizeBytes === 0;
    if (this.#at >= this.#bytes.length) {
      const segments = Math.floor(this.#at / this.#segmentSizeBytes) + 1;
      this.#bytes = Buffer.concat([this.#bytes], segments * this.#segmentSizeBytes);
    }
    const at = this.#at;
    this.#bytes.writeUInt16LE(this.#magic, at);
    this.#bytes.writeUInt16LE(info | (isFirst ? pageFlags.longHeader : 0), at + 2);
    this.#bytes.writeUInt32LE(1, at + 4);
    this.#bytes.writeBigUInt64LE(this.#startLsn + BigInt(at), at + 8);
    this.#bytes.writeUInt32LE(remainingBytes, at + 16);
    if (isFirst) {
      this.#bytes.writeBigUInt64LE(7n, at + 24);
      this.#bytes.writeUInt32LE(this.#segmentSizeBytes, at + 32);
      this.#bytes.writeUInt32LE(this.#pageBytes, at + 36);
    }
    this.#at += isFirst ? longHeaderBytes : shortHeaderBytes;
  }

  #align(): void {
    this.#at = Math.ceil(this.#at / 8) * 8;
  }
}

/** A body with nothing but main data. */
export function bodyOf(mainData: Uint8Array): Uint8Array {
  if (mainData.length < 256) return Buffer.concat([Uint8Array.of(255, mainData.length), mainData]);
  const head = Buffer.alloc(5, 254);
  head.writeUInt32LE(mainData.length, 1);
  return Buffer.concat([head, mainData]);
}
