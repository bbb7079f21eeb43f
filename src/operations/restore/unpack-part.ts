/** The writing of one part's files: only files that the manifest names, at their paths, with the recorded bytes. */
import { open, type FileHandle } from 'node:fs/promises';
import type { ByteStream } from '../../base/bytes/streams.ts';
import { localIoError } from '../../base/errors/errors.ts';
import { openDirectly, type OpenFile } from '../../base/files/calls.ts';
import { SequentialWriter } from '../../base/files/past-cache.ts';
import { wholePath } from '../../postgres/cluster/incremental/file-name.ts';
import type { RelationLayout } from '../../postgres/cluster/incremental/header.ts';
import { unexpected } from '../../repository/backup/expected-files.ts';
import { readPart, type PartSource } from '../../repository/backup/read-part.ts';
import type { ManifestEntry } from '../../repository/format/manifest.ts';
import type { Repository } from '../../repository/repository.ts';
import { permissionsOf, type AccessMode } from './access-mode.ts';
import { createFile, openCreated, type Open } from './created-file.ts';
import { openExisting, Overwriter } from './delta/overwriter.ts';
import { keepIncremental } from './pages/keep-incremental.ts';
import { withNewerPages, type MadeFile } from './pages/with-newer-pages.ts';
import { placeOf, type Places } from './places.ts';
import { SyncQueue } from './sync-queue.ts';

/** One part to unpack: plain data, for other threads. */
export interface PartJob extends PartSource {
  readonly places: Places;
  /** Undefined: files get the permissions that they had. */
  readonly accessMode: AccessMode | undefined;
  /** Of an incremental backup. */
  readonly incremental?: IncrementalPart | undefined;
  /** True: what is there is replaced where it differs; else nothing may be there. */
  readonly overExisting?: boolean;
}

interface IncrementalPart {
  readonly layout: RelationLayout;
  /** The planned backup itself: those that it builds on come after it. */
  readonly isNewest: boolean;
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
  const { places, accessMode, incremental, overExisting = false } = job;
  const files = new SyncQueue();
  const written = { bytes: 0, files: 0 };
  const made: MadeRelation[] = [];
  try {
    await readPart(repository, job, {
      signal,
      async use(entry, content) {
        const file = {
          entry,
          content,
          files,
          accessMode,
          overExisting,
          onBytes(sizeBytes: number) {
            written.bytes += sizeBytes;
            onWritten({ ...written });
          },
        };
        const relation = incremental && wholePath(entry.path);
        const path = relation ?? entry.path;
        const place = placeOf(path, places);
        if (place === undefined) throw unexpected(entry.path);
        try {
          if (incremental === undefined) await writeFile(place, file);
          else if (relation !== undefined) await keepPages(place, file, incremental);
          else if (incremental.isNewest) await writeFile(place, file);
          else made.push({ path, ...(await writeWithNewerPages(place, file, incremental)) });
        } catch (error) {
          throw localIoError('write', place, error);
        }
        written.files++;
      },
    });
  } finally {
    await files.drain();
  }
  return { ...written, made };
}

interface Writing {
  readonly entry: ManifestEntry;
  readonly content: ByteStream;
  /** Makes the file durable, and closes it. */
  readonly files: SyncQueue;
  readonly accessMode: AccessMode | undefined;
  readonly onBytes: (sizeBytes: number) => void;
  readonly overExisting: boolean;
}

async function writeFile(place: string, file: Writing): Promise<void> {
  const opened = await openToWrite(place, file, open);
  await writeInto(opened, file, async write => {
    for await (const chunk of file.content) await write(chunk);
  });
}

/** The relation file is there afterwards, without the content of this backup. */
async function keepPages(place: string, file: Writing, { layout, isNewest }: IncrementalPart): Promise<void> {
  const { sizeBytes } = file.entry;
  await using relation = isNewest
    ? (await openToWrite(place, file, openDirectly)).file
    : await openCreated(place, openDirectly);
  await keepIncremental({ place, relation }, file.content, { sizeBytes, layout, isNewest });
  file.onBytes(sizeBytes);
}

async function writeWithNewerPages(
  place: string,
  file: Writing,
  { layout: { blockSizeBytes } }: IncrementalPart,
): Promise<MadeFile & { readonly mtimeMs: number }> {
  const { entry, content } = file;
  const relation = await openCreated(place, open);
  return await writeInto({ file: relation, isNew: !file.overExisting }, file, async write => {
    const { sizeBytes, sha256 = '' } = entry;
    const oldest = { sizeBytes, sha256, blockSizeBytes };
    const made = await withNewerPages({ place, relation }, content, oldest, write);
    return { ...made, mtimeMs: Date.now() };
  });
}

interface ToWrite<F> {
  readonly file: F;
  /** False: only what differs is written. */
  readonly isNew: boolean;
}

async function openToWrite<F extends OpenFile>(
  place: string,
  { entry, accessMode, overExisting }: Writing,
  open: Open<F>,
): Promise<ToWrite<F>> {
  const mode = permissionsOf(entry, accessMode);
  const existing = overExisting ? await openExisting(place, mode, open) : undefined;
  return existing === undefined
    ? { file: await createFile(place, mode, open), isNew: true }
    : { file: existing, isNew: false };
}

/** Writes a file from its beginning to its end, and hands it over to be made durable. */
async function writeInto<T>(
  { file, isNew }: ToWrite<FileHandle>,
  { files, onBytes }: Pick<Writing, 'files' | 'onBytes'>,
  give: (write: (bytes: Uint8Array) => Promise<void>) => Promise<T>,
): Promise<T> {
  let handle: FileHandle | undefined = file;
  try {
    await using writer = isNew ? new SequentialWriter(file) : new Overwriter(file);
    const given = await give(async bytes => {
      await writer.write(bytes);
      onBytes(bytes.length);
    });
    await writer.end();
    handle = undefined;
    await files.add(file);
    return given;
  } finally {
    await handle?.close();
  }
}
