/**
 * The content of a WAL summary: a block reference table as WriteBlockRefTable writes it (blkreftable.c), read as hostile
 * input and as a stream. It is little-endian, as everything of the servers that walvault knows.
 *
 * After the magic number comes each relation fork: tablespace, database, relation, fork, limit block and number of
 * chunks, 4 bytes each; for each chunk how many words it takes; then the chunks. At the end 24 zeros and the CRC-32C of
 * everything before it.
 */
import type { ByteStream } from '../../../base/bytes/streams.ts';
import { finishCrc32c, startCrc32c, updateCrc32c } from '../../../base/checksum/crc32c.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { blocksPerChunk, mostOffsets, setOfOffsets, type BlockSet } from './block-set.ts';

/** A fork of a relation; relation 0 is a whole database in one tablespace. */
export interface RelationFork {
  readonly tablespace: number;
  /** 0 for a relation that all databases share. */
  readonly database: number;
  readonly relation: number;
  /** 0 is the main fork. */
  readonly fork: number;
}

/** No limit block: the fork was neither made nor dropped nor truncated. */
export const noLimit = 0xffff_ffff;

/** Takes what a summary says. Until the reading has ended well, nothing of it is true. */
export interface SummarySink {
  /** `limitBlock`: the shortest length in blocks that the fork had; 0 if it was made or dropped. */
  takeFork(fork: RelationFork, limitBlock: number): void;
  /** Blocks of the fork that were changed, numbered from `chunk` times 65,536 on. */
  takeBlocks(fork: RelationFork, chunk: number, blocks: BlockSet): void;
}

const magic = 0x652b_137b;
const entryBytes = 24;
/** Enough for every block number of 32 bits. */
const mostChunks = 2 ** 32 / blocksPerChunk;
/** MAIN_FORKNUM to INIT_FORKNUM. */
const forkCount = 4;

/**
 * Reads one summary to its end. `what` names it in errors.
 * @throws WalvaultError `damaged` for anything that PostgreSQL does not write
 */
export async function readWalSummary(source: ByteStream, what: string, sink: SummarySink): Promise<void> {
  const damaged = (problem: string) => new WalvaultError('damaged', `${what}: ${problem}`);
  const bytes = new SummaryBytes(source, damaged);
  try {
    await readTable(bytes, damaged, sink);
  } finally {
    await bytes.close();
  }
}

async function readTable(
  bytes: SummaryBytes,
  damaged: (problem: string) => WalvaultError,
  sink: SummarySink,
): Promise<void> {
  if ((await bytes.exactly(4)).readUInt32LE(0) !== magic) throw damaged('it does not begin as a WAL summary');
  for (;;) {
    const entry = await bytes.exactly(entryBytes);
    if (entry.every(byte => byte === 0)) break;
    const fork: RelationFork = {
      tablespace: entry.readUInt32LE(0),
      database: entry.readUInt32LE(4),
      relation: entry.readUInt32LE(8),
      fork: entry.readUInt32LE(12),
    };
    const [limitBlock, chunks] = [entry.readUInt32LE(16), entry.readUInt32LE(20)];
    if (fork.tablespace === 0) throw damaged(`relation ${fork.relation} is in no tablespace`);
    if (fork.fork >= forkCount) throw damaged(`relation ${fork.relation} has a fork ${fork.fork}`);
    if (chunks > mostChunks) throw damaged(`relation ${fork.relation} has ${chunks} chunks of blocks`);
    sink.takeFork(fork, limitBlock);
    const words = toWords(await bytes.exactly(2 * chunks));
    for (const [chunk, count] of words.entries()) {
      if (count > mostOffsets) throw damaged(`relation ${fork.relation} has a chunk of ${count} words`);
      if (count === 0) continue;
      sink.takeBlocks(fork, chunk, toBlockSet(await bytes.exactly(2 * count)));
    }
  }
  const crc = bytes.crc;
  if ((await bytes.exactly(4)).readUInt32LE(0) !== crc) throw damaged('its checksum does not match');
  if (!(await bytes.isAtEnd())) throw damaged('it goes on behind its end');
}

function toBlockSet(bytes: Uint8Array): BlockSet {
  return bytes.length === 2 * mostOffsets ? Uint8Array.from(bytes) : setOfOffsets(toWords(bytes));
}

function toWords(bytes: Uint8Array): Uint16Array {
  const words = new Uint16Array(bytes.length / 2);
  new Uint8Array(words.buffer).set(bytes);
  return words;
}

/** Takes exact numbers of bytes from a stream, and keeps the checksum of what was taken. */
class SummaryBytes {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #damaged: (problem: string) => WalvaultError;
  #rest = Buffer.alloc(0);
  #crc = startCrc32c;

  constructor(source: ByteStream, damaged: (problem: string) => WalvaultError) {
    this.#source = source[Symbol.asyncIterator]();
    this.#damaged = damaged;
  }

  get crc(): number {
    return finishCrc32c(this.#crc);
  }

  /** Valid until the next call. No more than 128 KiB are ever asked for. */
  async exactly(sizeBytes: number): Promise<Buffer> {
    while (this.#rest.length < sizeBytes) if (!(await this.#refill())) throw this.#damaged('it ends early');
    const taken = this.#rest.subarray(0, sizeBytes);
    this.#rest = this.#rest.subarray(sizeBytes);
    this.#crc = updateCrc32c(this.#crc, taken, 0, sizeBytes);
    return taken;
  }

  async isAtEnd(): Promise<boolean> {
    while (this.#rest.length === 0) if (!(await this.#refill())) return true;
    return false;
  }

  /** Tells the source that it will not be read further. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #refill(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done === true) return false;
    this.#rest = Buffer.concat([this.#rest, next.value]);
    return true;
  }
}
