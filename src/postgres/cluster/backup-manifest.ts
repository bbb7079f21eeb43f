/**
 * PostgreSQL's own `backup_manifest`, as backup_manifest.c writes it. With it, `pg_verifybackup` and `pg_combinebackup`
 * accept a backup that was unpacked by hand. Version 1 up to 16, version 2 with the system identifier from 17 on. It
 * lists files, one a line, without directories, `pg_wal` and itself; its last line has the checksum of all lines before
 * (FinalizeBackupManifest and SendBackupManifest).
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readLines } from '../../base/bytes/lines.ts';
import { systemCode } from '../../base/errors/errors.ts';
import { fsyncDirectory, temporaryName, writeAll } from '../../base/files/durable.ts';
import { formatLsn, type Lsn } from '../wal/lsn.ts';

export const backupManifestName = 'backup_manifest';

export interface BackupManifest {
  readonly postgresMajor: number;
  readonly systemId: bigint;
  /** The WAL that recovery needs, in order; ends are exclusive. */
  readonly walRanges: readonly ManifestWalRange[];
}

interface ManifestWalRange {
  readonly timeline: number;
  readonly startLsn: Lsn;
  readonly endLsn: Lsn;
}

export interface BackupManifestFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  /** 64 hex digits. */
  readonly sha256?: string | undefined;
  /** Given: the manifest gets this one, as pg_basebackup writes it by default. */
  readonly crc32c?: number | undefined;
}

type Entries<T> = AsyncIterable<T> | Iterable<T>;

export interface ChangedFile {
  readonly path: string;
  readonly content: Uint8Array;
  /** True if the backup had no such file. */
  readonly isNew?: boolean;
}

const batchLength = 256 * 1024;
const filesStart = '"Files": [';
const checksumKey = '"Manifest-Checksum"';

/** @param files text is an entry as `backupManifestEntry` gives it */
export function encodeBackupManifest(
  manifest: BackupManifest,
  files: Entries<BackupManifestFile | string>,
): AsyncGenerator<Uint8Array> {
  return sealed(linesOf(manifest, files));
}

/**
 * Replaces size and checksum of one file that was changed on purpose, or adds a new one, so that `pg_verifybackup` still
 * passes. Does nothing if the directory has no manifest, or the manifest does not list a file that is not new.
 * @throws WalvaultError `damaged`, system errors
 */
export async function updateBackupManifest(dataDirectory: string, file: ChangedFile): Promise<void> {
  const path = join(dataDirectory, backupManifestName);
  const temporary = temporaryName(path);
  const mode = await modeOf(path);
  if (mode === undefined) return;
  const handle = await open(temporary, 'wx', mode);
  try {
    const lines = readLines(createReadStream(path, { highWaterMark: batchLength }), backupManifestName);
    for await (const chunk of sealed(withContent(lines, file))) await writeAll(handle, chunk);
    await handle.sync();
    await handle.close();
    await rename(temporary, path);
  } catch (error) {
    await handle.close();
    await rm(temporary, { force: true });
    throw error;
  }
  await fsyncDirectory(dataDirectory);
}

/**
 * Computes the checksum anew. A manifest without the checksum's line stays without: `pg_verifybackup` refuses it
 * anyway.
 */
async function* sealed(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let batch = '';
  for await (const line of lines) {
    if (line.startsWith(checksumKey)) {
      hash.update(batch);
      yield Buffer.from(`${batch}${checksumKey}: "${hash.digest('hex')}"}\n`);
      return;
    }
    batch += `${line}\n`;
    if (batch.length < batchLength) continue;
    hash.update(batch);
    yield Buffer.from(batch);
    batch = '';
  }
  yield Buffer.from(batch);
}

async function* linesOf(
  { postgresMajor, systemId, walRanges }: BackupManifest,
  files: Entries<BackupManifestFile | string>,
): AsyncGenerator<string> {
  const isSecondVersion = postgresMajor >= 17;
  yield `{ "PostgreSQL-Backup-Manifest-Version": ${isSecondVersion ? 2 : 1},`;
  if (isSecondVersion) yield `"System-Identifier": ${systemId},`;
  yield filesStart;
  let before: string | undefined;
  for await (const file of files) {
    if (before !== undefined) yield `${before},`;
    before = typeof file === 'string' ? file : backupManifestEntry(file);
  }
  if (before !== undefined) yield before;
  yield '],';
  yield '"WAL-Ranges": [';
  yield walRanges.map(rangeLine).join(',\n');
  yield '],';
  yield checksumKey;
}

/** The entry of one file, as one line without its end. */
export function backupManifestEntry(file: BackupManifestFile): string {
  const { path, sizeBytes, mtimeMs } = file;
  return `${entryStart(path)}"Size": ${sizeBytes}, "Last-Modified": "${gmt(mtimeMs)}", ${checksumOf(file)} }`;
}

/** CRC-32C is shown by its bytes in memory, the lowest first (pg_checksum_final in checksum_helper.c). */
function checksumOf({ sha256 = '', crc32c }: Pick<BackupManifestFile, 'sha256' | 'crc32c'>): string {
  if (crc32c === undefined) return `"Checksum-Algorithm": "SHA256", "Checksum": "${sha256}"`;
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(crc32c);
  return `"Checksum-Algorithm": "CRC32C", "Checksum": "${bytes.toString('hex')}"`;
}

const checksumFields = /"Checksum-Algorithm": "\w*", "Checksum": "[0-9a-f]*"/;

function entryStart(path: string): string {
  return `{ "Path": ${JSON.stringify(path)}, `;
}

function rangeLine({ timeline, startLsn, endLsn }: ManifestWalRange): string {
  return `{ "Timeline": ${timeline}, "Start-LSN": "${formatLsn(startLsn)}", "End-LSN": "${formatLsn(endLsn)}" }`;
}

/** A time as `2026-11-22 02:00:00 GMT`. */
function gmt(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ')} GMT`;
}

async function* withContent(
  lines: AsyncIterable<string>,
  { path, content, isNew = false }: ChangedFile,
): AsyncGenerator<string> {
  const start = entryStart(path);
  const sha256 = createHash('sha256').update(content).digest('hex');
  const added = { path, sizeBytes: content.length, mtimeMs: Date.now(), sha256 };
  for await (const line of lines) {
    yield line.startsWith(start)
      ? line
          .replace(/"Size": \d+/, `"Size": ${content.length}`)
          .replace(checksumFields, checksumOf({ sha256 }))
      : line;
    // No backup is without files, so another entry follows.
    if (isNew && line === filesStart) yield `${backupManifestEntry(added)},`;
  }
}

async function modeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mode & 0o777;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
