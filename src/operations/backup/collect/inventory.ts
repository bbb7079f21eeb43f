/**
 * The inventory of a running backup: every file and directory in the order of the manifest, and what became of each.
 *
 * Parts are written side by side and in an order of their own, but the manifest is sorted by path. So the walk's entries
 * wait in one temporary file, and each entry's result goes to its own place in another. Both are read from front to back
 * for the manifest: a million files are never a million objects in memory (P9).
 */
import { readLines } from '../../../base/bytes/lines.ts';
import { ByteReader } from '../../../pipeline/byte-reader.ts';
import type { BackupEntry, CopiedEntry } from '../part/backup-entry.ts';
import {
  decodeEntry,
  decodeResult,
  encodeEntry,
  encodeResult,
  resultBytes,
  type InventoryEntry,
} from './inventory-codec.ts';
import { Spool } from './spool.ts';

export interface CopiedMembers {
  /** The numbers of the part's members in the inventory, ascending. */
  readonly numbers: Uint32Array;
  readonly part: number;
  readonly copied: readonly CopiedEntry[];
}

/** Entries between two noted positions: a position for each would be 8 MB for a million files. */
const stride = 32;
const name = 'the list of files to be copied';

export class Inventory implements AsyncDisposable {
  readonly #listed: Spool;
  readonly #results: Spool;
  /** The position of each `stride`th entry. */
  readonly #positions: number[] = [];
  #count = 0;

  private constructor(listed: Spool, results: Spool) {
    this.#listed = listed;
    this.#results = results;
  }

  /** @throws WalvaultError `local-io` */
  static async create(directory?: string): Promise<Inventory> {
    const listed = await Spool.create(directory);
    try {
      return new Inventory(listed, await Spool.create(directory));
    } catch (error) {
      await listed[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Appends an entry; its number is the count of those before it. @throws WalvaultError `local-io` */
  async add(entry: BackupEntry): Promise<void> {
    if (this.#count++ % stride === 0) this.#positions.push(this.#listed.sizeBytes);
    await this.#listed.append(encodeEntry(entry));
  }

  /** All entries, in the order of their numbers. */
  async *listed(): AsyncGenerator<BackupEntry> {
    for await (const line of readLines(this.#listed.read(), name)) yield decodeEntry(line);
  }

  /** The entries with these numbers, which are ascending. */
  async members(numbers: Uint32Array): Promise<BackupEntry[]> {
    const members: BackupEntry[] = [];
    for (let at = 0; at < numbers.length;) {
      const start = at;
      const first = strideOf(numbers[start]);
      for (let last = first; at < numbers.length && strideOf(numbers[at]) <= last + 1; at++)
        last = strideOf(numbers[at]);
      const lines = await this.#lines(first, strideOf(numbers[at - 1]));
      for (const number of numbers.subarray(start, at))
        members.push(decodeEntry(lines[number - first * stride] ?? ''));
    }
    return members;
  }

  /** Notes what was copied of a part. @throws WalvaultError `local-io` */
  async note({ numbers, part, copied }: CopiedMembers): Promise<void> {
    let run: Buffer[] = [];
    let first = 0;
    for (const entry of copied) {
      const number = numbers[entry.member] ?? 0;
      if (number !== first + run.length) {
        await this.#results.write(first * resultBytes, Buffer.concat(run));
        run = [];
      }
      if (run.length === 0) first = number;
      run.push(encodeResult(entry, part));
    }
    await this.#results.write(first * resultBytes, Buffer.concat(run));
  }

  /** All that was copied, in the order of the manifest. */
  async *copied(): AsyncGenerator<InventoryEntry> {
    const results = new ByteReader(this.#results.read(), name);
    for await (const entry of this.listed()) {
      if (await results.isAtEnd()) return;
      const result = decodeResult(entry, await results.exactly(resultBytes));
      if (result !== undefined) yield result;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listed[Symbol.asyncDispose]();
    await this.#results[Symbol.asyncDispose]();
  }

  /** The lines of these strides, both included. */
  async #lines(first: number, last: number): Promise<string[]> {
    const lines: string[] = [];
    const range = this.#listed.read(this.#positions[first], this.#positions[last + 1]);
    for await (const line of readLines(range, name)) lines.push(line);
    return lines;
  }
}

function strideOf(number = 0): number {
  return Math.floor(number / stride);
}
