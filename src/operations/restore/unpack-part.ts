/** The writing of one part's files: only files that the manifest names, at their paths, with the recorded bytes. */
import { constants } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ByteStream } from '../../base/bytes/streams.ts';
import { localIoError, systemCode } from '../../base/errors/errors.ts';
import { SequentialWriter } from '../../base/files/past-cache.ts';
import { wholePath } from '../../postgres/cluster/incremental/file-name.ts';
import type { RelationLayout } from '../../postgres/cluster/incremental/header.ts';
import { unexpected } from '../../repository/backup/expected-files.ts';
import { readPart, type PartSource } from '../../repository/backup/read-part.ts';
import type { ManifestEntry } from '../../repository/format/manifest.ts';
import type { Repository } from '../../repository/repository.ts';
import { permissionsOf, type AccessMode } from './access-mode.ts';
import { applyIncremental, digestOf, type MadeFile } from './apply-incremental.ts';
import { placeOf, type Places } from './places.ts';
import { SyncQueue } from './sync-queue.ts';

/** One part to unpack: plain data, for other threads. */
export interface PartJob extends PartSource {
  readonly places: Places;
  /** Undefined: files get the permissions that they had. */
  readonly accessMode: AccessMode | undefined;
  /** Of an incremental backup. */
  readonly incremental?: IncrementalPart | undefined;
}

interface IncrementalPart {
  readonly layout: RelationLayout;
  /** No backup follows that changes these files again: their digests are wanted. */
  readonly isLast: boolean;
}

/** What a part has come to so far. */
export interface Written {
  readonly bytes: number;
  readonly files: number;
}

/** A relation file that was made of several backups. */
export interface MadeRelation extends MadeFile {
  readonly path: string;
  readonly mtimeMs: number;
}

export interface UnpackedPart extends Written {
  readonly made: readonly MadeRelation[];
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
  job: PartJob,
  { onWritten, signal }: PartRun,
): Promise<UnpackedPart> {
  const { places, accessMode } = job;
  const files = new SyncQueue();
  const written = { bytes: 0, files: 0 };
  const made: MadeRelation[] = [];
  try {
    await readPart(repository, job, {
      signal,
      async use(entry, content) {
        const onBytes = (sizeBytes: number) => {
          written.bytes += sizeBytes;
          onWritten({ ...written });
        };
        const relation = job.incremental && wholePath(entry.path);
        if (job.incremental !== undefined && relation !== undefined)
          made.push(...(await applyTo(relation, entry, { places, content, files, ...job.incremental })));
        else
          await writeFile(entry, { path: placeOf(entry.path, places), accessMode, content, files, onBytes });
        written.files++;
      },
    });
  } finally {
    await files.drain();
  }
  return { ...written, made };
}

interface ApplyingTo extends IncrementalPart {
  readonly places: Places;
  readonly content: ByteStream;
  readonly files: SyncQueue;
}

/** @returns what the relation file has come to, if its digest is wanted */
async function applyTo(
  path: string,
  { path: incrementalPath, sizeBytes, mtimeMs }: ManifestEntry,
  { places, content, files, isLast, layout }: ApplyingTo,
): Promise<MadeRelation[]> {
  const place = placeOf(path, places);
  if (place === undefined) throw unexpected(incrementalPath);
  try {
    const handle = await applyIncremental(place, content, { sizeBytes, layout });
    const made = isLast ? [{ path, mtimeMs, ...(await digestOf(handle)) }] : [];
    await files.add(handle);
    return made;
  } catch (error) {
    throw localIoError('write', place, error);
  }
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
  let handle: FileHandle | undefined;
  try {
    handle = await createFile(path, permissionsOf(entry, accessMode));
    await using writer = new SequentialWriter(handle);
    for await (const chunk of content) {
      await writer.write(chunk);
      onBytes(chunk.length);
    }
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
