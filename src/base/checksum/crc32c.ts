/**
 * CRC-32C (Castagnoli) as PostgreSQL computes it in software (pg_crc32c_sb8.c): reflected polynomial 0x82F63B78,
 * start and final value inverted, eight bytes a step by eight tables.
 */
import { crc32cDistances, CrcFolder } from './crc-folder.ts';

let tables: Uint32Array[] | undefined;
let folder: CrcFolder | undefined;

/** The finished checksum of `data`. */
export function crc32c(data: Uint8Array): number {
  return finishCrc32c(updateCrc32c(startCrc32c, data, 0, data.length));
}

export const startCrc32c = 0xffff_ffff;

export function finishCrc32c(crc: number): number {
  return (crc ^ 0xffff_ffff) >>> 0;
}

/** Continues an unfinished checksum over `data[start, end)`. */
export function updateCrc32c(crc: number, data: Uint8Array, start: number, end: number): number {
  if (end - start < CrcFolder.leastBytes) return updateByTables(crc, data, start, end);
  const rest = (folder ??= new CrcFolder(crc32cDistances)).fold(data.subarray(start, end), crc);
  return updateByTables(0, rest, 0, rest.length);
}

function updateByTables(crc: number, data: Uint8Array, start: number, end: number): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = (tables ??= makeTables()) as [
    Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array,
  ]; // prettier-ignore
  let at = start;
  for (const last = end - 8; at <= last; at += 8) {
    const low = crc ^ word(data, at);
    const high = word(data, at + 4);
    crc =
      (t7[low & 0xff] as number) ^
      (t6[(low >>> 8) & 0xff] as number) ^
      (t5[(low >>> 16) & 0xff] as number) ^
      (t4[low >>> 24] as number) ^
      (t3[high & 0xff] as number) ^
      (t2[(high >>> 8) & 0xff] as number) ^
      (t1[(high >>> 16) & 0xff] as number) ^
      (t0[high >>> 24] as number);
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ (t0[(crc ^ (data[at] as number)) & 0xff] as number);
  return crc >>> 0;
}

function word(data: Uint8Array, at: number): number {
  return (
    (data[at] as number) |
    ((data[at + 1] as number) << 8) |
    ((data[at + 2] as number) << 16) |
    ((data[at + 3] as number) << 24)
  );
}

function makeTables(): Uint32Array[] {
  const first = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
    first[byte] = crc;
  }
  const made = [first];
  for (let table = 1; table < 8; table++) {
    const previous = made[table - 1] as Uint32Array;
    made.push(previous.map(crc => (crc >>> 8) ^ (first[crc & 0xff] as number)));
  }
  return made;
}
