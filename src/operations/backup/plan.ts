/**
 * The plan of a backup: which files go into which part. Pure.
 *
 * The files of a relation, all its forks and segments, stand together, and so do the relations of a database: a single
 * table, or what is missing of an interrupted backup, touches few parts. The largest part comes first, so that threads
 * that work side by side end at about the same time.
 */
import { parseRelationFile } from '../../postgres/cluster/relation-file.ts';

/** Tar spends a block on each header and fills the last block of each file. */
const tarBlockBytes = 512;

export interface PlannedEntry {
  readonly path: string;
  readonly type: 'file' | 'directory';
  readonly sizeBytes: number;
}

export interface PartLimits {
  /** The most bytes of plain tar in a part. A single larger file gets a part of its own. */
  readonly partSizeBytes: number;
  /** The most files in a part: it bounds the memory of a part of very many small files. */
  readonly maxEntries?: number;
}

export interface PlannedPart {
  /** Numbers of entries, ascending: members stand in a part in the order of the manifest. */
  readonly entries: Uint32Array;
  /** About the size of its plain tar. */
  readonly sizeBytes: number;
  /** The index of the part of an interrupted backup that has the same members: it may have the same bytes. */
  readonly earlier?: number;
}

const maxEntriesDefault = 10_000;

/**
 * Takes the entries in the order of their paths, which numbers them from 0. Memory grows by four bytes for each, and
 * with the largest directory, whose names the walk holds as well (P9).
 */
export class PartPlanner {
  readonly #limits: Required<PartLimits>;
  readonly #parts: PlannedPart[] = [];
  #count = 0;
  /** The consecutive entries of one directory, and what is known of each. */
  #directory = '';
  readonly #numbers = new GrowingNumbers();
  readonly #relations = new GrowingNumbers();
  readonly #sizes = new GrowingNumbers();
  #open: OpenPart = emptyPart();

  constructor({ partSizeBytes, maxEntries = maxEntriesDefault }: PartLimits) {
    this.#limits = { partSizeBytes, maxEntries };
  }

  add({ path, type, sizeBytes }: PlannedEntry): void {
    const slash = path.lastIndexOf('/');
    const directory = path.slice(0, Math.max(0, slash));
    if (directory !== this.#directory) this.#packDirectory();
    this.#directory = directory;
    this.#relations.push(parseRelationFile(path.slice(slash + 1))?.relfilenode ?? noRelation);
    this.#sizes.push(tarBytesOf(type, sizeBytes));
    this.#numbers.push(this.#count++);
  }

  /** Numbers an entry that goes into none of these parts. */
  skip(): void {
    this.#count++;
  }

  /** All parts, none of them empty, the largest first. */
  finish(): PlannedPart[] {
    this.#packDirectory();
    this.#close();
    return largestFirst(this.#parts);
  }

  /** What is no relation's file comes first. */
  #packDirectory(): void {
    const relationOf = (index: number) => this.#relations.at(index);
    const order = new Uint32Array(this.#relations.length).map((_, index) => index);
    // The names of most directories have one length, and so are in order already.
    const isSorted = order.every(index => index === 0 || relationOf(index - 1) <= relationOf(index));
    if (!isSorted) order.sort((a, b) => relationOf(a) - relationOf(b) || a - b);
    for (let at = 0; at < order.length;) {
      const relation = relationOf(order[at] ?? 0);
      let end = at + 1;
      if (relation !== noRelation)
        while (end < order.length && relationOf(order[end] ?? 0) === relation) end++;
      this.#pack(order.subarray(at, end));
      at = end;
    }
    this.#numbers.clear();
    this.#relations.clear();
    this.#sizes.clear();
  }

  /** Puts the files of one relation into one part, unless not even an empty one has room for them. */
  #pack(files: Uint32Array): void {
    const sizeOf = (index: number) => this.#sizes.at(index);
    const sizeBytes = files.reduce((sum, file) => sum + sizeOf(file), 0);
    if (!this.#hasRoom(sizeBytes, files.length)) this.#close();
    for (const file of files) {
      if (!this.#hasRoom(sizeOf(file), 1)) this.#close();
      this.#open.entries.push(this.#numbers.at(file));
      this.#open.sizeBytes += sizeOf(file);
    }
  }

  #hasRoom(sizeBytes: number, count: number): boolean {
    const { partSizeBytes, maxEntries } = this.#limits;
    const { entries } = this.#open;
    return this.#open.sizeBytes + sizeBytes <= partSizeBytes && entries.length + count <= maxEntries;
  }

  #close(): void {
    const { entries, sizeBytes } = this.#open;
    if (entries.length > 0) this.#parts.push({ entries: Uint32Array.from(entries).sort(), sizeBytes });
    this.#open = emptyPart();
  }
}

export function largestFirst(parts: readonly PlannedPart[]): PlannedPart[] {
  return parts.toSorted((a, b) => b.sizeBytes - a.sizeBytes);
}

/** A list of numbers that takes eight bytes for each: objects would take five times as much. */
class GrowingNumbers {
  #numbers = new Float64Array(1024);
  length = 0;

  push(number: number): void {
    if (this.length === this.#numbers.length) {
      const larger = new Float64Array(2 * this.length);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[this.length++] = number;
  }

  at(index: number): number {
    return this.#numbers[index] ?? 0;
  }

  clear(): void {
    this.#numbers = new Float64Array(1024);
    this.length = 0;
  }
}

/** In the place of a file node; PostgreSQL has none of this number. */
const noRelation = 0;

interface OpenPart {
  readonly entries: number[];
  sizeBytes: number;
}

function emptyPart(): OpenPart {
  return { entries: [], sizeBytes: 0 };
}

function tarBytesOf(type: 'file' | 'directory', sizeBytes: number): number {
  const contentBytes = type === 'file' ? Math.ceil(sizeBytes / tarBlockBytes) * tarBlockBytes : 0;
  return tarBlockBytes + contentBytes;
}
