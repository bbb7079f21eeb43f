/**
 * The plan of a backup: which files go into which part. Pure.
 *
 * It cuts the sorted walk of the cluster as a stream: memory grows with one part and never with the number of files
 * (P9), and parts can be handed to workers.
 */

/** Tar spends a block on each header and fills the last block of each file. */
const tarBlockBytes = 512;

export interface PlannedSize {
  readonly type: 'file' | 'directory';
  readonly sizeBytes: number;
}

export interface PartLimits {
  /** The most bytes of plain tar in a part. A single larger file gets a part of its own. */
  readonly partSizeBytes: number;
  /** The most files in a part: it bounds the memory of a part of very many small files. */
  readonly maxEntries?: number;
}

const maxEntriesDefault = 10_000;

/** Cuts the walk into parts of whole files, in its order; no part is empty. */
export async function* cutIntoParts<Entry extends PlannedSize>(
  entries: AsyncIterable<Entry> | Iterable<Entry>,
  limits: PartLimits,
): AsyncGenerator<Entry[]> {
  const { partSizeBytes, maxEntries = maxEntriesDefault } = limits;
  let part: Entry[] = [];
  let sizeBytes = 0;
  for await (const entry of entries) {
    const entryBytes = tarBytesOf(entry);
    if (part.length > 0 && (sizeBytes + entryBytes > partSizeBytes || part.length >= maxEntries)) {
      yield part;
      part = [];
      sizeBytes = 0;
    }
    part.push(entry);
    sizeBytes += entryBytes;
  }
  if (part.length > 0) yield part;
}

function tarBytesOf(entry: PlannedSize): number {
  const contentBytes = entry.type === 'file' ? Math.ceil(entry.sizeBytes / tarBlockBytes) * tarBlockBytes : 0;
  return tarBlockBytes + contentBytes;
}
