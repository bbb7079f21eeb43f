/** The second half of restoring a relation file from several backups: the oldest one has all of it, and newer pages take their places. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { ByteStream } from '../../../base/bytes/streams.ts';
import { ManifestMismatch } from '../../../repository/backup/expected-files.ts';
import { NewerPages } from './newer-pages.ts';

/** What a relation file has come to: for PostgreSQL's manifest. */
export interface MadeFile {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** What the oldest backup has of a relation file. */
export interface OldestFile {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly blockSizeBytes: number;
}

/**
 * Gives `write` the bytes of the relation file from its beginning to its end. What was set aside is removed then.
 * @param relation the relation file at `place`, with the length that it becomes
 * @throws WalvaultError `damaged` where no backup has a page; system errors
 */
export async function withNewerPages(
  { place, relation }: { readonly place: string; readonly relation: FileHandle },
  content: ByteStream,
  { sizeBytes, sha256, blockSizeBytes }: OldestFile,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<MadeFile> {
  if (sizeBytes % blockSizeBytes !== 0)
    throw new ManifestMismatch(
      `"${place}": the backup before has ${sizeBytes} bytes, which are no whole pages`,
    );
  const { size: totalBytes } = await relation.stat();
  await using pages = await NewerPages.open({
    place,
    totalBlocks: totalBytes / blockSizeBytes,
    blockSizeBytes,
  });
  pages.endOlderAt(sizeBytes / blockSizeBytes);
  if (pages.isEmpty && sizeBytes === totalBytes) {
    for await (const bytes of content) await write(bytes);
    return { sizeBytes, sha256 };
  }
  const hash = createHash('sha256');
  for await (const bytes of patched(content, pages, { sizeBytes, totalBytes })) {
    hash.update(bytes);
    await write(bytes);
  }
  await pages.remove();
  return { sizeBytes: totalBytes, sha256: hash.digest('hex') };
}

/** Pages that the oldest backup has not are read in pieces of this size. */
const pieceBytes = 256 * 1024;

async function* patched(
  content: ByteStream,
  pages: NewerPages,
  { sizeBytes, totalBytes }: { readonly sizeBytes: number; readonly totalBytes: number },
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const chunk of content) {
    // The content is read to its end, also where the file became shorter: its digest is looked at there.
    const bytes = Buffer.from(chunk.subarray(0, Math.max(0, totalBytes - at)));
    await pages.patch(bytes, at);
    at += chunk.length;
    if (bytes.length > 0) yield bytes;
  }
  for (at = Math.min(sizeBytes, totalBytes); at < totalBytes; at += pieceBytes) {
    const bytes = Buffer.alloc(Math.min(pieceBytes, totalBytes - at));
    await pages.patch(bytes, at);
    yield bytes;
  }
}
