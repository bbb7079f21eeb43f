/**
 * The blocks that WAL summaries name, merged in the order of their WAL by the rules of BlockRefTableSetLimitBlock and
 * BlockRefTableMarkBlockModified (blkreftable.c): a truncation forgets the blocks behind it, and the shortest length stays.
 *
 * Only main forks are kept: those of the other kinds are backed up whole, because the free space map is not WAL-logged
 * as such, and because summaries miss changes of visibility maps (docs/wal-summaries.md).
 */
import { totalBounds } from '../../../base/bounds.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { blocksBefore, blocksPerChunk, blocksWithin, unionOf, type BlockSet } from './block-set.ts';
import { noLimit, type RelationFork, type SummarySink } from './read-summary.ts';

/** A relation by the numbers in the path of its files. */
export type RelationKey = Omit<RelationFork, 'fork'>;

export interface RelationChanges {
  /** The shortest length in blocks that it had meanwhile; undefined if it never got shorter and is the same relation. */
  readonly limitBlock: number | undefined;
  /** Changed blocks from `start` to `end`, exclusive, in ascending order. */
  blocksWithin(start: number, end: number): Generator<number>;
}

interface Entry {
  limitBlock: number;
  /** By the number of their chunk. */
  readonly chunks: Map<number, BlockSet>;
}

export class ChangedBlocks {
  readonly #entries = new Map<string, Entry>();
  readonly #limitBytes: number;
  #sizeBytes = 0;

  constructor({ limitBytes = totalBounds.changedBlocks.limitBytes } = {}) {
    this.#limitBytes = limitBytes;
  }

  /**
   * A sink for one summary; those of earlier WAL come before. `hasForeignWal`: the summary may cover WAL which is not in
   * this history, so a truncation in it proves nothing, and counts as one to no blocks: then the fork is backed up whole.
   * The sink throws a WalvaultError `refused` when all this takes too much memory; the table is of no use then.
   */
  sink({ hasForeignWal }: { readonly hasForeignWal: boolean }): SummarySink {
    let entry: Entry | undefined;
    return {
      takeFork: (fork, limitBlock) => {
        entry = undefined;
        if (fork.fork !== mainFork) return;
        entry = this.#entryOf(fork);
        this.#setLimit(entry, hasForeignWal && limitBlock !== noLimit ? 0 : limitBlock);
      },
      takeBlocks: (_fork, chunk, blocks) => {
        if (entry !== undefined) this.#mark(entry, chunk, blocks);
      },
    };
  }

  /** Undefined for a relation that no summary names: nothing of it was changed. */
  of(relation: RelationKey): RelationChanges | undefined {
    const entry = this.#entries.get(keyOf(relation));
    return (
      entry && {
        limitBlock: entry.limitBlock === noLimit ? undefined : entry.limitBlock,
        blocksWithin: (start, end) => changedWithin(entry, start, end),
      }
    );
  }

  /** True if the database was made or dropped in this tablespace: all its files there are others. */
  isOtherDatabase({ tablespace, database }: Omit<RelationKey, 'relation'>): boolean {
    return this.#entries.has(keyOf({ tablespace, database, relation: 0 }));
  }

  #entryOf(relation: RelationKey): Entry {
    const key = keyOf(relation);
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const entry: Entry = { limitBlock: noLimit, chunks: new Map() };
    this.#entries.set(key, entry);
    this.#grow(entryBytes);
    return entry;
  }

  #setLimit(entry: Entry, limitBlock: number): void {
    if (limitBlock >= entry.limitBlock) return;
    entry.limitBlock = limitBlock;
    const last = Math.floor(limitBlock / blocksPerChunk);
    for (const [chunk, blocks] of [...entry.chunks]) {
      if (chunk < last) continue;
      const kept = chunk === last ? blocksBefore(blocks, limitBlock % blocksPerChunk) : undefined;
      this.#replace(entry, chunk, kept);
    }
  }

  #mark(entry: Entry, chunk: number, blocks: BlockSet): void {
    const known = entry.chunks.get(chunk);
    this.#replace(entry, chunk, known === undefined ? blocks : unionOf(known, blocks));
  }

  #replace(entry: Entry, chunk: number, blocks: BlockSet | undefined): void {
    const known = entry.chunks.get(chunk);
    if (known !== undefined) this.#sizeBytes -= chunkBytes + known.byteLength;
    if (blocks === undefined) {
      entry.chunks.delete(chunk);
      return;
    }
    entry.chunks.set(chunk, blocks);
    this.#grow(chunkBytes + blocks.byteLength);
  }

  #grow(bytes: number): void {
    this.#sizeBytes += bytes;
    if (this.#sizeBytes > this.#limitBytes)
      throw new WalvaultError(
        'refused',
        `the WAL summaries name more changes than ${this.#limitBytes} bytes of memory can hold`,
      );
  }
}

const mainFork = 0;
/** What an entry and a chunk take in the memory of Node 24 beside the blocks, measured. */
const entryBytes = 370;
const chunkBytes = 270;

function keyOf({ tablespace, database, relation }: RelationKey): string {
  return `${tablespace}/${database}/${relation}`;
}

function* changedWithin({ chunks }: Entry, start: number, end: number): Generator<number> {
  for (let chunk = Math.floor(start / blocksPerChunk); chunk * blocksPerChunk < end; chunk++) {
    const blocks = chunks.get(chunk);
    if (blocks === undefined) continue;
    const first = chunk * blocksPerChunk;
    const [from, to] = [Math.max(start - first, 0), Math.min(end - first, blocksPerChunk)];
    for (const offset of blocksWithin(blocks, from, to)) yield first + offset;
  }
}
