/**
 * A backup's manifest, verified to its end before any entry is used.
 *
 * Memory is bounded: the lines wait in an unlinked temporary file beside the restored data.
 */
import { randomBytes } from 'node:crypto';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { readLines } from '../../base/bytes/lines.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { writeAll } from '../../base/files/durable.ts';
import { pieceKey, type SystemPath } from '../../repository/format/layout.ts';
import {
  decodeManifestLine,
  encodeManifestLine,
  manifestName,
  readManifest,
  type ManifestEntry,
} from '../../repository/format/manifest.ts';
import type { BackupRecord } from '../../repository/format/backup-record.ts';
import type { Repository } from '../../repository/repository.ts';
import { readPiece } from './stored-piece.ts';

export interface VerifiedManifest extends AsyncDisposable {
  directories(): AsyncGenerator<ManifestEntry>;
  /** The files whose bytes are in one part, in the manifest's order. */
  filesOfPart(part: number): AsyncGenerator<ManifestEntry>;
  /** Plain bytes of the files under `pg_tblspc/<oid>/`. */
  tablespaceBytes(oid: number): number;
  readonly totalBytes: number;
}

export interface ManifestSource {
  readonly repository: Repository;
  readonly system: SystemPath;
  readonly record: BackupRecord;
  readonly spoolDirectory: string;
  readonly signal: AbortSignal;
}

/**
 * Files without which PostgreSQL would not start, or, worse, would start without knowing that the data is a backup.
 */
const indispensable = ['PG_VERSION', 'backup_label', 'global/pg_control'];
const batchBytes = 256 * 1024;
const readChunkBytes = 1024 * 1024;

interface ByteRange {
  readonly start: number;
  /** The position after the last byte. */
  readonly end: number;
}

/**
 * Reads the manifest to its end into the temporary file.
 * @throws WalvaultError `damaged`
 */
export async function verifyManifest(source: ManifestSource): Promise<VerifiedManifest> {
  const handle = await openUnlinked(source.spoolDirectory);
  try {
    return await fill(handle, source);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function fill(
  handle: FileHandle,
  { repository, system, record, signal }: ManifestSource,
): Promise<VerifiedManifest> {
  const key = pieceKey(system, record.id, record.manifest);
  const partNumbers = new Set(Array.from(record.parts, ({ number }) => number));
  const ranges = new Map<number, ByteRange>();
  const bytesOfTablespace = new Map<number, number>();
  const missing = new Set(indispensable);
  let offset = 0;
  let batch = '';
  let totalBytes = 0;
  await readPiece(repository, { key, record, piece: record.manifest, signal }, async decoded => {
    for await (const entry of readManifest(decoded, record.id)) {
      const line = encodeManifestLine(entry);
      const end = offset + Buffer.byteLength(line);
      if (entry.type === 'file') {
        const { part = -1 } = entry;
        if (!partNumbers.has(part) || entry.backup !== undefined)
          throw new WalvaultError('damaged', `${key}: "${entry.path}" is in no part of the backup`);
        ranges.set(part, { start: ranges.get(part)?.start ?? offset, end });
        missing.delete(entry.path);
        totalBytes += entry.sizeBytes;
        const oid = tablespaceOf(entry.path);
        if (oid !== undefined)
          bytesOfTablespace.set(oid, (bytesOfTablespace.get(oid) ?? 0) + entry.sizeBytes);
      }
      offset = end;
      batch += line;
      if (batch.length < batchBytes) continue;
      await writeAll(handle, Buffer.from(batch));
      batch = '';
    }
    await writeAll(handle, Buffer.from(batch));
  });
  if (missing.size > 0)
    throw new WalvaultError('damaged', `${key}: the backup has no ${[...missing].join(', ')}`);
  return {
    directories: () => entriesIn(handle, { start: 0, end: offset }, ({ type }) => type === 'directory'),
    filesOfPart: part =>
      entriesIn(
        handle,
        ranges.get(part) ?? { start: 0, end: 0 },
        entry => entry.type === 'file' && entry.part === part,
      ),
    tablespaceBytes: oid => bytesOfTablespace.get(oid) ?? 0,
    totalBytes,
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/** `pg_tblspc/16385/…` gives 16385. */
export function tablespaceOf(path: string): number | undefined {
  const match = /^pg_tblspc\/(\d{1,10})(?:\/|$)/.exec(path);
  return match === null ? undefined : Number(match[1]);
}

async function* entriesIn(
  handle: FileHandle,
  { start, end }: ByteRange,
  isWanted: (entry: ManifestEntry) => boolean,
): AsyncGenerator<ManifestEntry> {
  for await (const line of readLines(readRange(handle, start, end), manifestName)) {
    const entry = decodeManifestLine(line);
    if (isWanted(entry)) yield entry;
  }
}

async function* readRange(handle: FileHandle, start: number, end: number): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafe(Math.min(readChunkBytes, Math.max(1, end - start)));
  for (let position = start; position < end;) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, end - position), position);
    if (bytesRead === 0)
      throw new WalvaultError('local-io', 'the temporary copy of the manifest ended early');
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

async function openUnlinked(directory: string): Promise<FileHandle> {
  const path = join(directory, `.walvault-manifest.${randomBytes(6).toString('hex')}.tmp`);
  const handle = await open(path, 'wx+', 0o600);
  await unlink(path);
  return handle;
}
