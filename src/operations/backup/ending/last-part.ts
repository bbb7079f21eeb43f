/**
 * The files of a backup's last part, read or made at its end.
 *
 * They are `global/pg_control`, the backup label, the tablespace map and PostgreSQL's own manifest.
 */
import { openToRead, readOpened } from '../../../base/files/read.ts';
import { fileBounds } from '../../../base/bounds.ts';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { sleep } from '../../../base/time/wait.ts';
import { streamOf, tap, type ByteStream } from '../../../base/bytes/streams.ts';
import { crc32c } from '../../../base/checksum/crc32c.ts';
import { localIoError, WalvaultError } from '../../../base/errors/errors.ts';
import { tarHeader, tarPadding, tarTrailer } from '../../../pipeline/tar/index.ts';
import {
  backupManifestName,
  encodeBackupManifest,
  type BackupManifest,
  type BackupManifestFile,
} from '../../../postgres/cluster/backup-manifest.ts';
import { controlFilePath, parseControlFile } from '../../../postgres/cluster/control-file.ts';
import { comparePaths } from '../../../repository/format/manifest.ts';
import { sha256Hex } from '../../../repository/format/json-object.ts';
import type { ManifestChecksums } from '../../../config/index.ts';
import { wholeMs } from '../part/backup-entry.ts';
import type { InventoryEntry } from '../collect/inventory-codec.ts';
import type { Spool } from '../collect/spool.ts';

/** A file of the last part, its bytes ready to be read any number of times. */
export interface LastFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly mode: number;
  readonly mtimeMs: number;
  readonly sha256: string;
  /** Of a file that PostgreSQL's manifest lists. */
  readonly crc32c?: number;
  read(): ByteStream;
}

export function fileOfText(
  path: string,
  text: string,
  attributes: { readonly mode: number; readonly mtimeMs: number },
): LastFile {
  return fileOfBytes(path, Buffer.from(text), attributes);
}

function fileOfBytes(
  path: string,
  data: Buffer,
  { mode, mtimeMs }: { readonly mode: number; readonly mtimeMs: number },
): LastFile {
  return {
    path,
    sizeBytes: data.length,
    mode,
    mtimeMs: wholeMs(mtimeMs),
    sha256: sha256Hex(data),
    crc32c: crc32c(data),
    read: () => streamOf(data),
  };
}

/** How long reads of `global/pg_control` are repeated because the server is writing it. */
const rereadForMs = 10_000;

/**
 * Reads `global/pg_control` until its CRC is right: the server writes it in place, so a reader can see half of the
 * old content and half of the new. Call it after every other file has been read: nothing in the backup may be newer
 * than the checkpoint in this file allows (basebackup.c sends it last for the same reason).
 */
export async function captureControlFile(dataDirectory: string, signal: AbortSignal): Promise<LastFile> {
  const path = join(dataDirectory, controlFilePath);
  const endsAt = performance.now() + rereadForMs;
  for (;;) {
    const { data, mode, mtimeMs } = await readWhole(path);
    try {
      parseControlFile(data);
      return fileOfBytes(controlFilePath, data, { mode, mtimeMs });
    } catch (error) {
      const mayBeTorn = error instanceof WalvaultError && error.code === 'damaged';
      if (!mayBeTorn || performance.now() > endsAt) throw error;
      await sleep(20, signal);
    }
  }
}

async function readWhole(path: string): Promise<{ data: Buffer; mode: number; mtimeMs: number }> {
  try {
    const handle = await openToRead(path);
    try {
      const { mode, mtimeMs } = await handle.stat();
      return {
        data: await readOpened(handle, fileBounds.capturedFile.limitBytes),
        mode: mode & 0o7777,
        mtimeMs,
      };
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw localIoError('read', path, error);
  }
}

/** Writes PostgreSQL's manifest into the spool, because its size must be known before it goes into a tar. */
export async function makeBackupManifest(
  spool: Spool,
  manifest: BackupManifest,
  options: {
    readonly entries: AsyncIterable<InventoryEntry>;
    readonly checksums: ManifestChecksums;
    readonly mode: number;
    readonly mtimeMs: number;
  },
): Promise<LastFile> {
  const hash = createHash('sha256');
  const text = encodeBackupManifest(manifest, filesAmong(options));
  for await (const chunk of tap(text, chunk => hash.update(chunk))) await spool.append(chunk);
  return {
    path: backupManifestName,
    sizeBytes: spool.sizeBytes,
    mode: options.mode,
    mtimeMs: wholeMs(options.mtimeMs),
    sha256: hash.digest('hex'),
    read: () => spool.read(),
  };
}

async function* filesAmong({
  entries,
  checksums,
}: {
  readonly entries: AsyncIterable<InventoryEntry>;
  readonly checksums: ManifestChecksums;
}): AsyncGenerator<BackupManifestFile> {
  for await (const { type, sha256 = '', crc32c, ...entry } of entries)
    if (type === 'file') yield { ...entry, sha256, ...(checksums === 'crc32c' && { crc32c }) };
}

/** The plain tar of the last part, in the order of the manifest. */
export function streamLastPart(
  files: readonly LastFile[],
  owner: { readonly uid: number; readonly gid: number },
): ByteStream {
  return writeFiles(
    files.toSorted((a, b) => comparePaths(a.path, b.path)),
    owner,
  );
}

async function* writeFiles(
  files: readonly LastFile[],
  owner: { readonly uid: number; readonly gid: number },
): AsyncGenerator<Uint8Array> {
  for (const file of files) {
    const { path, sizeBytes, mode, mtimeMs } = file;
    yield tarHeader({ ...owner, path, type: 'file', sizeBytes, mode, mtimeMs });
    yield* file.read();
    yield tarPadding(sizeBytes);
  }
  yield tarTrailer;
}

export function entryOfLastFile(
  { path, sizeBytes, mode, mtimeMs, sha256, crc32c }: LastFile,
  part: number,
): InventoryEntry {
  return { path, type: 'file', sizeBytes, mode, mtimeMs, sha256, part, crc32c };
}
