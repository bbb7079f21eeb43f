/** The pages of an incremental file over the relation file that the backups before have written. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { ByteStream } from '../../base/bytes/streams.ts';
import { systemCode } from '../../base/errors/errors.ts';
import { writeAll } from '../../base/files/durable.ts';
import type { IncrementalHeader, RelationLayout } from '../../postgres/cluster/incremental/header.ts';
import { readIncrementalFile } from '../../postgres/cluster/incremental/read.ts';
import { ManifestMismatch } from '../../repository/backup/expected-files.ts';

const readBytes = 1024 ** 2;

/**
 * Writes the pages into the relation file at `path`, and gives it its length.
 * @param file the size of the incremental file, and its layout
 * @returns the open file, which is not durable yet
 * @throws WalvaultError `damaged` for what is no such file, or does not fit to the relation file; system errors
 */
export async function applyIncremental(
  path: string,
  content: ByteStream,
  file: { readonly sizeBytes: number; readonly layout: RelationLayout },
): Promise<FileHandle> {
  const { blockSizeBytes } = file.layout;
  const handle = await openWritten(path);
  try {
    for await (const piece of readIncrementalFile(content, file))
      if (piece.kind === 'blocks') await writeAll(handle, piece.bytes, piece.firstBlock * blockSizeBytes);
      else await fitLength(handle, { path, header: piece.header, blockSizeBytes });
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** What a restored file has come to: for PostgreSQL's manifest. */
export interface MadeFile {
  readonly sizeBytes: number;
  readonly sha256: string;
}

export async function digestOf(handle: FileHandle): Promise<MadeFile> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(readBytes);
  let sizeBytes = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, sizeBytes);
    if (bytesRead === 0) return { sizeBytes, sha256: hash.digest('hex') };
    hash.update(buffer.subarray(0, bytesRead));
    sizeBytes += bytesRead;
  }
}

/** Never through a link: this restore has made everything in the directory. */
async function openWritten(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw new ManifestMismatch(`"${path}" is in no backup before`);
    throw error;
  }
}

/**
 * Cuts what the file has lost. Pages beyond its end must all follow: what nobody writes would read as zeros, which pg_combinebackup
 * takes without a word.
 */
async function fitLength(
  handle: FileHandle,
  file: { readonly path: string; readonly header: IncrementalHeader; readonly blockSizeBytes: number },
): Promise<void> {
  const { blockSizeBytes, path } = file;
  const { blocks, truncationBlocks } = file.header;
  const { size } = await handle.stat();
  const before = Math.floor(size / blockSizeBytes);
  const added = blocks.length - blocks.filter(block => block < before).length;
  if (added !== Math.max(0, truncationBlocks - before))
    throw new ManifestMismatch(
      `"${path}": neither its incremental file nor the backup before has all of its pages`,
    );
  if (size > truncationBlocks * blockSizeBytes) await handle.truncate(truncationBlocks * blockSizeBytes);
}
