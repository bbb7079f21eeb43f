/**
 * Sets of blocks within one chunk of a relation fork, 65,536 blocks, as PostgreSQL keeps them (blkreftable.c): a few as
 * their numbers, many as a bitmap. Sets are never changed, so that they can be shared.
 */

export const blocksPerChunk = 65_536;
/** From so many numbers on a bitmap takes no more. */
export const mostOffsets = 4096;
const bitmapBytes = blocksPerChunk / 8;

/** Numbers within the chunk in ascending order, or a bitmap, whose lowest bit comes first. */
export type BlockSet = Uint16Array | Uint8Array;

/** The set of these numbers, which may be in any order and repeat themselves. */
export function setOfOffsets(offsets: Uint16Array): BlockSet {
  let isAscending = true;
  for (let at = 1; at < offsets.length && isAscending; at++)
    isAscending = (offsets[at - 1] as number) < (offsets[at] as number);
  const sorted = isAscending ? offsets : Uint16Array.from(new Set(offsets)).sort();
  return sorted.length < mostOffsets ? sorted : addTo(new Uint8Array(bitmapBytes), sorted);
}

export function unionOf(a: BlockSet, b: BlockSet): BlockSet {
  if (a instanceof Uint16Array && b instanceof Uint16Array) {
    const joined = new Uint16Array(a.length + b.length);
    joined.set(a);
    joined.set(b, a.length);
    return setOfOffsets(joined);
  }
  return addTo(addTo(new Uint8Array(bitmapBytes), a), b);
}

/** The blocks before `limit`; undefined if there are none. */
export function blocksBefore(set: BlockSet, limit: number): BlockSet | undefined {
  if (set instanceof Uint16Array) {
    const end = set.findIndex(offset => offset >= limit);
    if (end === -1) return set;
    return end === 0 ? undefined : set.slice(0, end);
  }
  const kept = set.slice();
  kept.fill(0, Math.ceil(limit / 8));
  const last = limit >> 3;
  if (limit % 8 !== 0) kept[last] = (kept[last] as number) & ((1 << (limit % 8)) - 1);
  return kept.every(byte => byte === 0) ? undefined : kept;
}

/** The blocks from `start` to `end`, exclusive, in ascending order. */
export function* blocksWithin(set: BlockSet, start: number, end: number): Generator<number> {
  if (set instanceof Uint16Array) {
    for (const offset of set) if (offset >= start && offset < end) yield offset;
    return;
  }
  for (let offset = start; offset < end; offset++)
    if (((set[offset >> 3] as number) & (1 << (offset & 7))) !== 0) yield offset;
}

/** Puts all blocks of `set` into a bitmap that nobody else has. */
function addTo(bitmap: Uint8Array, set: BlockSet): Uint8Array {
  if (set instanceof Uint16Array)
    for (const offset of set) bitmap[offset >> 3] = (bitmap[offset >> 3] as number) | (1 << (offset & 7));
  else for (const [at, byte] of set.entries()) bitmap[at] = (bitmap[at] as number) | byte;
  return bitmap;
}
