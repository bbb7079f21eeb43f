/** Which pages of a relation file are not what the parent backup has of them. */
import { readSync } from 'node:fs';
import { hashBytes, type HighwayKey } from '../../../base/checksum/highway-hash.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { isHeaderTooLong, type IncrementalHeader } from '../../../postgres/cluster/incremental/header.ts';
import { planIncrementalFile } from '../../../postgres/cluster/incremental/plan.ts';
import { changedBlocks, PageDigester, type PageDigests } from '../../../postgres/cluster/page-digests.ts';
import { segmentChanges } from '../../../postgres/wal/summaries/segment-changes.ts';
import type { ParentPages } from './backup-entry.ts';
import { missedPages } from './missed-pages.ts';
import { stepBytes, type OpenMember, type PartContent, type PartOptions } from './part-options.ts';
import { fill } from './read-file.ts';

/** The most missed pages of a part that are named. */
const mostNamed = 100;

export interface ChangedPages {
  /** Names the changed pages, and the length of the file. */
  readonly header: IncrementalHeader;
  /** Makes the digests of the pages as they are copied. */
  readonly digestKey: HighwayKey;
}

/**
 * Those that WAL summaries name, where they say what has changed. Else this reads all of the file, in the room that the buffer has, and compares the digest of each page. A page that changes after it was
 * read here is not missed: the WAL since the start of the backup has it.
 *
 * Yields what is in the buffer if there is no room for a page.
 * @returns undefined where all of the file is to be copied: the parent has none of it, or most has changed
 */
export async function* findChangedPages(
  open: OpenMember,
  options: PartOptions,
  { missed }: Pick<PartContent, 'missed'>,
): AsyncGenerator<Uint8Array, ChangedPages | undefined> {
  const { member, file } = open;
  const { parentPages, named, sourcePath } = member;
  const { digestKey, audit, blockSizeBytes, relationSegmentBlocks, buffer, signal } = options;
  if (parentPages === undefined || digestKey === undefined) return undefined;
  const { size: sizeBytes } = file.stat();
  if (sizeBytes % blockSizeBytes !== 0) return undefined;
  if (named !== undefined && audit === undefined) {
    const parentSizeBytes = parentPages.pageCount * blockSizeBytes;
    const changes = segmentChanges({ named, fork: 'main', sizeBytes, parentSizeBytes }, options);
    if (changes.kind === 'whole') return undefined;
    const { blocks, lengthBlocks: truncationBlocks } = changes;
    return isHeaderTooLong(blocks.length, options)
      ? undefined
      : { header: { truncationBlocks, blocks }, digestKey };
  }
  const digester = new PageDigester({ blockSizeBytes, key: digestKey });
  for (let position = 0; position < sizeBytes;) {
    signal.throwIfAborted();
    if (buffer.room(blockSizeBytes).length < blockSizeBytes) yield* buffer.rest();
    const room = buffer.room(Math.min(stepBytes, sizeBytes - position));
    const stepped = room.length - (room.length % blockSizeBytes);
    const target = room.subarray(0, stepped);
    await options.mayRead(stepped);
    const filledBytes = fill(file, { path: sourcePath, target, position });
    target.fill(0, filledBytes);
    digester.add(buffer.place(stepped));
    position += stepped;
  }
  const changed = changedBlocks(digester.finish(), readDigests(parentPages, blockSizeBytes));
  if (audit !== undefined) {
    const found = missedPages(open, changed, { ...options, audit });
    missed.count += found.length;
    missed.first.push(...found.slice(0, Math.max(0, mostNamed - missed.first.length)));
  }
  const header = planIncrementalFile({ sizeBytes, changed }, { blockSizeBytes, relationSegmentBlocks });
  return header && { header, digestKey };
}

/** Read synchronously: the file was written a moment ago, and this thread has nothing else to do. */
function readDigests({ fd, position, pageCount }: ParentPages, blockSizeBytes: number): PageDigests {
  const digests = new Uint8Array(pageCount * hashBytes);
  for (let at = 0; at < digests.length;) {
    const bytesRead = readSync(fd, digests, at, digests.length - at, position + at);
    if (bytesRead === 0)
      throw new WalvaultError('local-io', 'the temporary file of page digests ended early');
    at += bytesRead;
  }
  return { sizeBytes: pageCount * blockSizeBytes, digests };
}
