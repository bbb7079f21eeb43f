/** The writing of a backup's files: only files that its manifest names, at their paths, with the recorded bytes. */
import { countBounds } from '../../base/bounds.ts';
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ByteStream } from '../../base/bytes/streams.ts';
import { localIoError, systemCode, WalvaultError } from '../../base/errors/errors.ts';
import { writeAll } from '../../base/files/durable.ts';
import { readTar } from '../../pipeline/tar/index.ts';
import type { BackupPart, BackupRecord } from '../../repository/format/backup-record.ts';
import { pieceKey, type SystemPath } from '../../repository/format/layout.ts';
import type { ManifestEntry } from '../../repository/format/manifest.ts';
import type { Repository } from '../../repository/repository.ts';
import { permissionsOf, type AccessMode } from './access-mode.ts';
import type { VerifiedManifest } from './manifest-spool.ts';
import { readPiece } from './stored-piece.ts';
import { SyncQueue } from './sync-queue.ts';
import type { Log } from '../../observe/events/events.ts';

export interface UnpackOptions {
  readonly repository: Repository;
  readonly system: SystemPath;
  readonly record: BackupRecord;
  readonly manifest: VerifiedManifest;
  /** Gives the absolute path for a path of the manifest; undefined if the file is not to be written. */
  readonly locate: (path: string) => string | undefined;
  /** Undefined: files and directories get the permissions that they had. */
  readonly accessMode: AccessMode | undefined;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** The most files in the last part. They are scattered over the manifest and are looked up by path. */
const { limit: lastPartLimit } = countBounds.lastPartFiles;

/**
 * Writes all files. On return every file is durable; fsync on the directories is left to the caller.
 * @throws WalvaultError `damaged`, `local-io`
 */
export async function unpack(options: UnpackOptions): Promise<void> {
  for await (const entry of options.manifest.directories()) {
    const target = options.locate(entry.path);
    if (target !== undefined) await makeDirectory(target, permissionsOf(entry, options.accessMode));
  }
  const files = new SyncQueue();
  const done = { bytes: 0, files: 0 };
  const lastPart = [...options.record.parts].reduce((last, { number }) => Math.max(last, number), 0);
  try {
    for (const part of options.record.parts) {
      const expected =
        part.number === lastPart
          ? await inAnyOrder(options.manifest.filesOfPart(part.number))
          : inOrder(options.manifest.filesOfPart(part.number));
      await unpackPart(options, part, async (path, content) => {
        const entry = await expected.take(path);
        await writeFile(options.locate(path), entry, { content, files, accessMode: options.accessMode });
        done.bytes += entry.sizeBytes;
        done.files++;
        const { totalBytes } = options.manifest;
        options.log.emit({
          kind: 'progress',
          stage: 'restore',
          doneBytes: done.bytes,
          totalBytes,
          doneFiles: done.files,
        });
      });
      const left = await expected.rest();
      if (left !== undefined)
        throw new WalvaultError('damaged', `${part.name}: "${left}" is missing from this part`);
    }
  } finally {
    await files.drain();
  }
}

async function unpackPart(
  { repository, system, record, signal }: UnpackOptions,
  part: BackupPart,
  onFile: (path: string, content: ByteStream) => Promise<void>,
): Promise<void> {
  const key = pieceKey(system, record.id, part);
  await readPiece(repository, { key, record, piece: part, signal }, async decoded => {
    for await (const { entry, content } of readTar(decoded)) {
      // Directories come from the manifest; a part may hold directories and files, nothing else.
      if (entry.type === 'directory') continue;
      if (entry.type !== 'file')
        throw new WalvaultError('damaged', `"${entry.path}" is neither a file nor a directory`);
      await onFile(entry.path, content);
    }
  });
}

interface Expected {
  /** @throws WalvaultError `damaged` for a file that should not be there */
  take(path: string): Promise<ManifestEntry>;
  /** The path of a file that the part did not contain. */
  rest(): Promise<string | undefined>;
}

function inOrder(entries: AsyncGenerator<ManifestEntry>): Expected {
  return {
    async take(path) {
      const next = await entries.next();
      if (next.done === true || next.value.path !== path) throw unexpected(path);
      return next.value;
    },
    async rest() {
      const next = await entries.next();
      return next.done === true ? undefined : next.value.path;
    },
  };
}

async function inAnyOrder(entries: AsyncGenerator<ManifestEntry>): Promise<Expected> {
  const left = new Map<string, ManifestEntry>();
  for await (const entry of entries) {
    left.set(entry.path, entry);
    if (left.size > lastPartLimit)
      throw new WalvaultError('damaged', `the last part has more than ${lastPartLimit} files`);
  }
  return {
    async take(path) {
      const entry = left.get(path);
      if (entry === undefined) throw unexpected(path);
      left.delete(path);
      return entry;
    },
    rest: async () => left.keys().next().value,
  };
}

function unexpected(path: string): WalvaultError {
  return new WalvaultError('damaged', `"${path}" is not in the manifest at this place`);
}

async function makeDirectory(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await chmod(path, mode);
  } catch (error) {
    throw localIoError('create directory', path, error);
  }
}

async function writeFile(
  path: string | undefined,
  entry: ManifestEntry,
  {
    content,
    files,
    accessMode,
  }: {
    readonly content: ByteStream;
    readonly files: SyncQueue;
    readonly accessMode: AccessMode | undefined;
  },
): Promise<void> {
  if (path === undefined) throw unexpected(entry.path);
  const hash = createHash('sha256');
  let sizeBytes = 0;
  let handle: FileHandle | undefined;
  try {
    handle = await createFile(path, permissionsOf(entry, accessMode));
    for await (const chunk of content) {
      sizeBytes += chunk.length;
      if (sizeBytes > entry.sizeBytes) break;
      hash.update(chunk);
      await writeAll(handle, chunk);
    }
    if (sizeBytes !== entry.sizeBytes || hash.digest('hex') !== entry.sha256)
      throw new WalvaultError('damaged', `"${entry.path}" is not what the manifest says it is`);
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
