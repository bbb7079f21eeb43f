/** The writing of one part's files: only files that the manifest names, at their paths, with the recorded bytes. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ByteStream } from '../../base/bytes/streams.ts';
import { localIoError, systemCode, WalvaultError } from '../../base/errors/errors.ts';
import { SequentialWriter } from '../../base/files/past-cache.ts';
import { readTar } from '../../pipeline/tar/index.ts';
import type { BackupPart, BackupRecord } from '../../repository/format/backup-record.ts';
import { pieceKey, type SystemPath } from '../../repository/format/layout.ts';
import type { ManifestEntry } from '../../repository/format/manifest.ts';
import type { Repository } from '../../repository/repository.ts';
import { permissionsOf, type AccessMode } from './access-mode.ts';
import { readSpooled, type SpooledEntries } from './entry-spool.ts';
import { ExpectedFiles, unexpected } from './expected-files.ts';
import { placeOf, type Places } from './places.ts';
import { readPiece } from './stored-piece.ts';
import { SyncQueue } from './sync-queue.ts';

/** One part to unpack: plain data, for other threads. */
export interface PartJob {
  readonly system: SystemPath;
  readonly backup: Pick<BackupRecord, 'id' | 'sizeBytes' | 'fileCount'>;
  readonly part: BackupPart;
  readonly expected: SpooledEntries;
  readonly places: Places;
  /** Undefined: files get the permissions that they had. */
  readonly accessMode: AccessMode | undefined;
}

/** What a part has come to so far. */
export interface Written {
  readonly bytes: number;
  readonly files: number;
}

export interface PartRun {
  /** Called as often as the work likes. */
  readonly onWritten: (written: Written) => void;
  readonly signal: AbortSignal;
}

/**
 * Writes the files of one part. On return each is durable; fsync on the directories is left to the caller.
 * @returns what all of the part came to
 * @throws WalvaultError `damaged`, `local-io`
 */
export async function unpackPart(
  repository: Repository,
  { system, backup, part, expected, places, accessMode }: PartJob,
  { onWritten, signal }: PartRun,
): Promise<Written> {
  const key = pieceKey(system, backup.id, part);
  const entries = new ExpectedFiles(readSpooled(expected));
  const files = new SyncQueue();
  const written = { bytes: 0, files: 0 };
  try {
    await readPiece(
      repository,
      { key, record: backup, piece: part, chunkByChunk: true, signal },
      async decoded => {
        for await (const { entry: member, content } of readTar(decoded)) {
          // Directories come from the manifest; a part may hold directories and files, nothing else.
          if (member.type === 'directory') continue;
          if (member.type !== 'file')
            throw new WalvaultError('damaged', `"${member.path}" is neither a file nor a directory`);
          const entry = await entries.take(member.path);
          const onBytes = (sizeBytes: number) => {
            written.bytes += sizeBytes;
            onWritten({ ...written });
          };
          await writeFile(entry, { path: placeOf(entry.path, places), accessMode, content, files, onBytes });
          written.files++;
        }
      },
    );
    const left = await entries.rest();
    if (left !== undefined)
      throw new WalvaultError('damaged', `${part.name}: "${left}" is missing from this part`);
  } finally {
    await files.drain();
  }
  return written;
}

interface Writing {
  readonly path: string | undefined;
  readonly accessMode: AccessMode | undefined;
  readonly content: ByteStream;
  readonly files: SyncQueue;
  readonly onBytes: (sizeBytes: number) => void;
}

async function writeFile(
  entry: ManifestEntry,
  { path, accessMode, content, files, onBytes }: Writing,
): Promise<void> {
  if (path === undefined) throw unexpected(entry.path);
  const hash = createHash('sha256');
  let sizeBytes = 0;
  let handle: FileHandle | undefined;
  try {
    handle = await createFile(path, permissionsOf(entry, accessMode));
    await using writer = new SequentialWriter(handle);
    for await (const chunk of content) {
      sizeBytes += chunk.length;
      if (sizeBytes > entry.sizeBytes) break;
      hash.update(chunk);
      await writer.write(chunk);
      onBytes(chunk.length);
    }
    if (sizeBytes !== entry.sizeBytes || hash.digest('hex') !== entry.sha256)
      throw new WalvaultError('damaged', `"${entry.path}" is not what the manifest says it is`);
    await writer.end();
    const written = handle;
    handle = undefined;
    await files.add(written);
  } catch (error) {
    throw localIoError('write', path, error);
  } finally {
    await handle?.close();
  }
}

/**
 * Creates a file, never through a link and never over an existing file: this restore has made everything in the
 * directory.
 */
async function createFile(path: string, mode: number): Promise<FileHandle> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = await openNew(path, flags, mode);
  // The umask of this process must not decide what a group may read.
  if ((mode & 0o077) !== 0) await handle.chmod(mode);
  return handle;
}

async function openNew(path: string, flags: number, mode: number): Promise<FileHandle> {
  try {
    return await open(path, flags, mode);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return open(path, flags, mode);
  }
}
