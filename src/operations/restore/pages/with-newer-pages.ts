/** The second half of restoring a relation file from several backups: the oldest one has all of it, and newer pages take their places. */
import { fstatSync } from 'node:fs';
import { finishCrc32c, startCrc32c, updateCrc32c } from '../../../base/checksum/crc32c.ts';
import type { ByteStream } from '../../../base/bytes/streams.ts';
import type { BackupManifestFile } from '../../../postgres/cluster/backup-manifest.ts';
import { ManifestMismatch } from '../../../repository/backup/expected-files.ts';
import { NewerPages } from './newer-pages.ts';

/** What a relation file has come to: for PostgreSQL's manifest. Its digest is known where nothing of it has changed. */
export type MadeFile = Pick<BackupManifestFile, 'sizeBytes' | 'sha256' | 'crc32c'>;

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
  { place, relation }: { readonly place: string; readonly relation: { readonly fd: number } },
  content: ByteStream,
  { sizeBytes, sha256, blockSizeBytes }: OldestFile,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<MadeFile> {
  if (sizeBytes % blockSizeBytes !== 0)
    throw new ManifestMismatch(
      `"${place}": the backup before has ${sizeBytes} bytes, which are no whole pages`,
    );
  const { size: totalBytes } = fstatSync(relation.fd);
  await using pages = await NewerPages.open({
    place,
    totalBlocks: totalBytes / blockSizeBytes,
    blockSizeBytes,
  });
  pages.requireFrom(sizeBytes / blockSizeBytes);
  if (pages.isEmpty && sizeBytes === totalBytes) {
    for await (const bytes of content) await write(bytes);
    return { sizeBytes, sha256 };
  }
  let crc = startCrc32c;
  for await (const bytes of patched(content, pages, { sizeBytes, totalBytes })) {
    crc = updateCrc32c(crc, bytes, 0, bytes.length);
    await write(bytes);
  }
  pages.remove();
  return { sizeBytes: totalBytes, crc32c: finishCrc32c(crc) };
}

const pieceBytes = 256 * 1024;

async function* patched(
  content: ByteStream,
  pages: NewerPages,
  { sizeBytes, totalBytes }: { readonly sizeBytes: number; readonly totalBytes: number },
): AsyncGenerator<Uint8Array> {
  const piece = Buffer.allocUnsafe(pieceBytes);
  const pieceOf = (length: number) => piece.subarray(0, Math.min(length, pieceBytes));
  let at = 0;
  // The content is read to its end, also where the file became shorter: its digest is looked at there.
  for await (const chunk of content) {
    for (let rest = chunk.subarray(0, Math.max(0, totalBytes - at)); rest.length > 0;) {
      // A copy: who gives the content may have more use for it.
      const bytes = pieceOf(rest.length);
      bytes.set(rest.subarray(0, bytes.length));
      await pages.patch(bytes, at);
      yield bytes;
      at += bytes.length;
      rest = rest.subarray(bytes.length);
    }
  }
  for (at = Math.min(sizeBytes, totalBytes); at < totalBytes;) {
    const bytes = pieceOf(totalBytes - at);
    await pages.patch(bytes, at);
    yield bytes;
    at += bytes.length;
  }
}
