/** Neighbouring blocks of a file, which are read or written in one call. */
export interface BlockRun {
  readonly firstBlock: number;
  readonly count: number;
}

/** The blocks in runs of at most `mostBlocks`. @param blocks ascending */
export function* runsOf(blocks: Uint32Array, mostBlocks: number): Generator<BlockRun> {
  for (let from = 0; from < blocks.length;) {
    const count = neighbours(blocks, from, mostBlocks);
    yield { firstBlock: blocks[from] as number, count };
    from += count;
  }
}

/** How many blocks from the one at `from` on, `mostBlocks` at most, follow one another in the file. */
export function neighbours(blocks: Uint32Array, from: number, mostBlocks: number): number {
  const first = blocks[from] as number;
  let count = 1;
  while (count < mostBlocks && blocks[from + count] === first + count) count++;
  return count;
}
