/** The reading of one part of a backup: only files that the manifest names, each with its recorded bytes. */
import { createHash } from 'node:crypto';
import type { ByteStream } from '../../base/bytes/streams.ts';
import { readTar } from '../../pipeline/tar/index.ts';
import type { BackupPart, BackupRecord } from '../format/backup-record.ts';
import { pieceKey, type SystemPath } from '../format/layout.ts';
import type { ManifestEntry } from '../format/manifest.ts';
import type { Repository } from '../repository.ts';
import { readSpooled, type SpooledEntries } from './entry-spool.ts';
import { ExpectedFiles, ManifestMismatch } from './expected-files.ts';
import { readPiece } from './stored-piece.ts';

/** One part to read: plain data, for other threads. */
export interface PartSource {
  readonly system: SystemPath;
  readonly backup: Pick<BackupRecord, 'id' | 'sizeBytes' | 'fileCount'>;
  readonly part: BackupPart;
  /** The files that the manifest has in this part. */
  readonly expected: SpooledEntries;
  /** True: these are some of them, in their order; the others are passed over. */
  readonly hasOthers?: boolean;
}

/**
 * Gives `use` each file of the part, in the order of its tar. The content throws `damaged`, at the latest at its end, where
 * it is not what the manifest says; `use` must read it to its end, and is done with a chunk when it asks for the next one.
 * @throws WalvaultError `damaged`, also when the stored bytes are not those of the commit record
 */
export async function readPart(
  repository: Repository,
  { system, backup, part, expected, hasOthers = false }: PartSource,
  { signal, use }: { signal: AbortSignal; use(entry: ManifestEntry, content: ByteStream): Promise<void> },
): Promise<void> {
  const key = pieceKey(system, backup.id, part);
  const entries = new ExpectedFiles(readSpooled(expected));
  const source = { key, record: backup, piece: part, chunkByChunk: true, signal };
  await readPiece(repository, source, async decoded => {
    for await (const { entry: member, content } of readTar(decoded)) {
      // Directories come from the manifest; a part may hold directories and files, nothing else.
      if (member.type === 'directory') continue;
      if (member.type !== 'file')
        throw new ManifestMismatch(`"${member.path}" is neither a file nor a directory`);
      if (hasOthers && !(await entries.isNext(member.path))) {
        for await (const _ of content);
        continue;
      }
      const entry = await entries.take(member.path);
      await use(entry, asRecorded(entry, content));
    }
  });
  const left = await entries.rest();
  if (left !== undefined) throw new ManifestMismatch(`${part.name}: "${left}" is missing from this part`);
}

/** The same bytes, and an error where they are not those of the manifest. */
async function* asRecorded(entry: ManifestEntry, content: ByteStream): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of content) {
    sizeBytes += chunk.length;
    if (sizeBytes > entry.sizeBytes) break;
    hash.update(chunk);
    yield chunk;
  }
  if (sizeBytes !== entry.sizeBytes || hash.digest('hex') !== entry.sha256)
    throw new ManifestMismatch(`"${entry.path}" is not what the manifest says it is`);
}
