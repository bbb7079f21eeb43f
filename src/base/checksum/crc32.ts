/** CRC-32 as zlib, gzip and S3 have it. Node's own does 2 GB/s, which is a fifth of what a request over TLS costs. */
import { crc32 as crc32ByTables } from 'node:zlib';
import { crc32Distances, CrcFolder } from './crc-folder.ts';

/** Making the folder costs a process as much as this by tables. */
const worthwhileBytes = 4 * 1024 * 1024;

let folder: CrcFolder | undefined;
let bytesByTables = 0;

/** Continues `value`, the checksum of what comes before. */
export function crc32(data: Uint8Array, value = 0): number {
  if (data.length < CrcFolder.leastBytes) return crc32ByTables(data, value);
  if (folder === undefined && bytesByTables < worthwhileBytes) {
    bytesByTables += data.length;
    return crc32ByTables(data, value);
  }
  // The register is the inverse of the value, and that of a message begun at zero therefore its inverse.
  return crc32ByTables((folder ??= new CrcFolder(crc32Distances)).fold(data, ~value), 0xffff_ffff);
}
