/** The forms of entries and results in the temporary files of an inventory. */
import { parseJson } from '../../../base/json.ts';
import { incrementalPath } from '../../../postgres/cluster/incremental/file-name.ts';
import type { ManifestEntry } from '../../../repository/format/manifest.ts';
import type { BackupEntry, CopiedEntry } from '../part/backup-entry.ts';

/** A manifest's entry, and PostgreSQL's own checksum of the file. */
export interface InventoryEntry extends ManifestEntry {
  /** CRC-32C; undefined for a directory, and where none was wanted. */
  readonly crc32c?: number | undefined;
}

/** A line with its newline. */
export function encodeEntry({ path, type, sizeBytes, mode, mtimeMs, sourcePath }: BackupEntry): string {
  return `${JSON.stringify([path, type, sizeBytes, mode, mtimeMs, sourcePath])}\n`;
}

/** Reads a line that `encodeEntry` wrote. */
export function decodeEntry(line: string): BackupEntry {
  const [path, type, sizeBytes, mode, mtimeMs, sourcePath] = parseJson(line) as [
    string, BackupEntry['type'], number, number, number, string,
  ]; // prettier-ignore
  return { path, type, sizeBytes, mode, mtimeMs, sourcePath };
}

/** The size of every result. One that was never written is all zeros. */
export const resultBytes = 64;

const at = { state: 0, mode: 2, crc32c: 4, size: 8, mtime: 16, part: 24, sha256: 32 } as const;
const isCopied = 1;
const hasCrc32c = 2;
const isOfIncremental = 4;

export function encodeResult(copied: CopiedEntry, part: number): Buffer {
  const { sizeBytes, mode, mtimeMs, sha256, crc32c, relationBytes } = copied;
  const record = Buffer.alloc(resultBytes);
  const state =
    isCopied | (crc32c === undefined ? 0 : hasCrc32c) | (relationBytes === undefined ? 0 : isOfIncremental);
  record.writeUInt8(state, at.state);
  record.writeUInt16LE(mode, at.mode);
  record.writeUInt32LE(crc32c ?? 0, at.crc32c);
  record.writeDoubleLE(sizeBytes, at.size);
  record.writeDoubleLE(mtimeMs, at.mtime);
  record.writeDoubleLE(part, at.part);
  record.write(sha256 ?? '', at.sha256, 'hex');
  return record;
}

/** Undefined for an entry that has vanished. */
export function decodeResult({ path, type }: BackupEntry, record: Buffer): InventoryEntry | undefined {
  const state = record.readUInt8(at.state);
  if ((state & isCopied) === 0) return undefined;
  return {
    path: (state & isOfIncremental) === 0 ? path : incrementalPath(path),
    type,
    sizeBytes: record.readDoubleLE(at.size),
    mode: record.readUInt16LE(at.mode),
    mtimeMs: record.readDoubleLE(at.mtime),
    ...(type === 'file' && {
      sha256: record.toString('hex', at.sha256),
      part: record.readDoubleLE(at.part),
    }),
    ...((state & hasCrc32c) !== 0 && { crc32c: record.readUInt32LE(at.crc32c) }),
  };
}
