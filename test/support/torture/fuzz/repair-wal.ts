/** Makes lengths, links and checksums of changed WAL right again, so that the changes reach what reads the records. */
import { finishCrc32c, startCrc32c, updateCrc32c } from '../../../../src/base/checksum/crc32c.ts';
import { longHeaderBytes, pageFlags, shortHeaderBytes } from '../../../../src/postgres/wal/page-header.ts';
import type { Random } from './random.ts';

const pageBytes = 8192;
const recordHeaderBytes = 24;

/** Whole pages from the start of a segment. What is no record any more ends the repair. */
export function repairWal(input: Buffer, random: Random): Buffer {
  const pages = Math.floor(input.length / pageBytes);
  if (pages === 0) return input;
  const start = input.readBigUInt64LE(8);
  const magic = input.readUInt16LE(0);
  for (let page = 1; page < pages; page++) {
    input.writeUInt16LE(magic, page * pageBytes);
    input.writeBigUInt64LE((start + BigInt(page * pageBytes)) & 0xffff_ffff_ffff_ffffn, page * pageBytes + 8);
  }
  const stream = withoutHeaders(input, pages);
  let previous = -1;
  for (let at = 0; at + recordHeaderBytes <= stream.length;) {
    const sizeBytes = stream.readUInt32LE(at);
    if (sizeBytes < recordHeaderBytes || at + sizeBytes > stream.length) break;
    if (previous >= 0)
      stream.writeBigUInt64LE((start + BigInt(placeOf(previous))) & 0xffff_ffff_ffff_ffffn, at + 8);
    const crc = updateCrc32c(startCrc32c, stream, at + recordHeaderBytes, at + sizeBytes);
    stream.writeUInt32LE(finishCrc32c(updateCrc32c(crc, stream, at, at + 20)), at + 20);
    continueOnPages(input, { at, sizeBytes }, random);
    previous = at;
    at = Math.ceil((at + sizeBytes) / 8) * 8;
  }
  for (let page = 0, taken = 0; page < pages; page++) {
    const header = headerBytesOf(page);
    stream.copy(input, page * pageBytes + header, taken, taken + pageBytes - header);
    taken += pageBytes - header;
  }
  return input;
}

function headerBytesOf(page: number): number {
  return page === 0 ? longHeaderBytes : shortHeaderBytes;
}

function withoutHeaders(input: Buffer, pages: number): Buffer {
  return Buffer.concat(
    Array.from({ length: pages }, (_, page) =>
      input.subarray(page * pageBytes + headerBytesOf(page), (page + 1) * pageBytes),
    ),
  );
}

/** Where a byte of the stream without headers lies in the pages. */
function placeOf(at: number): number {
  const first = pageBytes - longHeaderBytes;
  if (at < first) return at + longHeaderBytes;
  const page = Math.floor((at - first) / (pageBytes - shortHeaderBytes));
  return (page + 1) * pageBytes + shortHeaderBytes + ((at - first) % (pageBytes - shortHeaderBytes));
}

/** Says in the headers of the pages that a record runs over how much of it is still to come. */
function continueOnPages(
  input: Buffer,
  { at, sizeBytes }: { at: number; sizeBytes: number },
  random: Random,
): void {
  const lastPage = Math.floor(placeOf(at + sizeBytes - 1) / pageBytes);
  for (let page = Math.floor(placeOf(at) / pageBytes) + 1; page <= lastPage; page++) {
    if (random.onceIn(30)) continue;
    const before = page * (pageBytes - shortHeaderBytes) - (longHeaderBytes - shortHeaderBytes) - at;
    input.writeUInt16LE(pageFlags.firstIsContinuation, page * pageBytes + 2);
    input.writeUInt32LE(sizeBytes - before, page * pageBytes + 16);
  }
}
