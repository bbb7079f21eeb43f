/** The first half of restoring a relation file from several backups, the newest first: its changed pages are set aside. */
import type { ByteStream } from '../../../base/bytes/streams.ts';
import type { OpenFile } from '../../../base/files/calls.ts';
import type { RelationLayout } from '../../../postgres/cluster/incremental/header.ts';
import { readIncrementalFile } from '../../../postgres/cluster/incremental/read.ts';
import { NewerPages } from './newer-pages.ts';

export interface IncrementalFile {
  /** Its own length, not that of the relation file. */
  readonly sizeBytes: number;
  readonly layout: RelationLayout;
  /** No newer backup had pages of the relation file: this one decides how long it becomes. */
  readonly isNewest: boolean;
}

/**
 * Keeps those pages of an incremental file that no newer backup has. The relation file gets its length, as a hole.
 * @param relation the relation file at `place`, open for writing; empty, or of any length, for the newest backup
 * @throws WalvaultError `damaged` for what is no such file, or does not fit to the newer ones; system errors
 */
export async function keepIncremental(
  { place, relation }: { readonly place: string; readonly relation: OpenFile },
  content: ByteStream,
  { sizeBytes, layout, isNewest }: IncrementalFile,
): Promise<void> {
  const { blockSizeBytes } = layout;
  await using stack = new AsyncDisposableStack();
  let pages: NewerPages | undefined;
  for await (const piece of readIncrementalFile(content, { sizeBytes, layout })) {
    if (piece.kind === 'blocks') {
      await pages?.add(piece.firstBlock, piece.bytes);
      continue;
    }
    const { truncationBlocks } = piece.header;
    if (isNewest) await relation.truncate(truncationBlocks * blockSizeBytes);
    const totalBlocks = (await relation.stat()).size / blockSizeBytes;
    const file = { place, totalBlocks, blockSizeBytes };
    pages = stack.use(await (isNewest ? NewerPages.begin(file) : NewerPages.open(file)));
    pages.requireFrom(truncationBlocks);
  }
  await pages?.keep();
}
