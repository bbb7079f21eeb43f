/** Writes WAL summaries as WriteBlockRefTable does (blkreftable.c), and wrong ones. */
import { finishCrc32c, startCrc32c, updateCrc32c } from '../../../src/base/checksum/crc32c.ts';
import { noLimit, type RelationFork } from '../../../src/postgres/wal/summaries/read-summary.ts';

export interface MadeFork extends Partial<RelationFork> {
  readonly limitBlock?: number;
  readonly blocks?: readonly number[];
}

export function makeSummary(forks: readonly MadeFork[]): Buffer {
  const magic = Buffer.alloc(4);
  magic.writeUInt32LE(0x652b_137b);
  return withCrc(Buffer.concat([magic, ...forks.map(encodeFork), Buffer.alloc(24)]));
}

/** With the checksum of these bytes at the end. */
export function withCrc(bytes: Uint8Array): Buffer {
  const crc = Buffer.alloc(4);
  crc.writeUInt32LE(finishCrc32c(updateCrc32c(startCrc32c, bytes, 0, bytes.length)));
  return Buffer.concat([bytes, crc]);
}

function encodeFork(made: MadeFork): Buffer {
  const { tablespace = 1663, database = 5, relation = 16_384, fork = 0 } = made;
  const chunks: number[][] = [];
  for (const block of made.blocks ?? []) {
    const chunk = Math.floor(block / 65_536);
    while (chunks.length <= chunk) chunks.push([]);
    chunks[chunk]?.push(block % 65_536);
  }
  const words = chunks.map(offsets =>
    offsets.length < 4096 ? Uint16Array.from(offsets) : bitmapOf(offsets),
  );
  return Buffer.concat([
    entryOf([tablespace, database, relation, fork, made.limitBlock ?? noLimit, chunks.length]),
    asBytes(Uint16Array.from(words, ({ length }) => length)),
    ...words.map(asBytes),
  ]);
}

export function entryOf(fields: readonly number[]): Buffer {
  return asBytes(Uint32Array.from(fields));
}

function bitmapOf(offsets: readonly number[]): Uint16Array {
  const words = new Uint16Array(4096);
  for (const offset of offsets) words[offset >> 4] = (words[offset >> 4] ?? 0) | (1 << (offset & 15));
  return words;
}

function asBytes({ buffer, byteOffset, byteLength }: Uint16Array | Uint32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
