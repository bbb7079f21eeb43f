/**
 * The pages that newer backups have of a relation file, in a file beside it until the oldest backup brings the others. So
 * the relation file is written once, from its beginning to its end, and nothing of it is read again.
 *
 * The file has the count of its pages, then for each block of the relation file the number of its page, from 1 on, or 0; then
 * whole blocks with the pages. All words have four bytes, as this host orders them: no other one reads it, and nothing of it is
 * durable.
 */
import { constants, rmSync } from 'node:fs';
import { systemCode } from '../../../base/errors/errors.ts';
import { openDirectly, type OpenFile } from '../../../base/files/calls.ts';
import { writeAll } from '../../../base/files/durable.ts';
import { ManifestMismatch } from '../../../repository/backup/expected-files.ts';

export interface RelationFile {
  /** Where it is restored to. */
  readonly place: string;
  /** Its length in the restored copy. */
  readonly totalBlocks: number;
  readonly blockSizeBytes: number;
}

const suffix = '.walvault-pages';
const headWords = 1;

export class NewerPages implements AsyncDisposable {
  readonly #relation: RelationFile;
  /** Undefined as long as there are no pages. */
  #file: OpenFile | undefined;
  readonly #words: Uint32Array;

  private constructor(relation: RelationFile, file: OpenFile | undefined) {
    this.#relation = relation;
    this.#file = file;
    this.#words = new Uint32Array(headWords + relation.totalBlocks);
  }

  /** Nothing waits any more for the relation file: what there is was left by a restore that was killed. @throws system errors */
  static begin(relation: RelationFile): NewerPages {
    rmSync(pathOf(relation.place), { force: true });
    return new NewerPages(relation, undefined);
  }

  /** What waits for the relation file, if anything does. Never through a link. @throws system errors */
  static async open(relation: RelationFile): Promise<NewerPages> {
    const file = openIfThere(relation.place);
    const pages = new NewerPages(relation, file);
    if (file === undefined) return pages;
    try {
      await readExactly(file, bytesOf(pages.#words), 0);
      return pages;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get #count(): number {
    return this.#words[0] as number;
  }

  set #count(count: number) {
    this.#words[0] = count;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  has(block: number): boolean {
    return this.#pageOf(block) !== 0;
  }

  /**
   * Proves that all pages from this block on are there: the next older backup has the file this long and no longer. Nobody would
   * write the others, and they would read as zeros, which pg_combinebackup takes without a word.
   * @throws WalvaultError `damaged`
   */
  requireFrom(blocks: number): void {
    for (let block = blocks; block < this.#relation.totalBlocks; block++)
      if (!this.has(block))
        throw new ManifestMismatch(
          `"${this.#relation.place}": neither its incremental files nor the backup before have all of its pages`,
        );
  }

  /** Adds the pages of neighbouring blocks that no newer backup has. @throws system errors */
  async add(firstBlock: number, bytes: Uint8Array): Promise<void> {
    const { blockSizeBytes, totalBlocks } = this.#relation;
    const end = Math.min(firstBlock + bytes.length / blockSizeBytes, totalBlocks);
    const isNew = (block: number) => block < end && !this.has(block);
    for (let block = firstBlock; block < end; block++) {
      if (!isNew(block)) continue;
      const from = block;
      const at = this.#positionOf(this.#count + 1);
      for (; isNew(block); block++) this.#words[headWords + block] = ++this.#count;
      const run = bytes.subarray((from - firstBlock) * blockSizeBytes, (block - firstBlock) * blockSizeBytes);
      await writeAll((this.#file ??= create(this.#relation.place)), run, at);
    }
  }

  /** Puts what there is of these pages over the bytes at a position of the relation file. @throws system errors */
  async patch(bytes: Uint8Array, position: number): Promise<void> {
    const { blockSizeBytes } = this.#relation;
    const end = position + bytes.length;
    for (let block = Math.floor(position / blockSizeBytes); block * blockSizeBytes < end; block++) {
      const first = this.#pageOf(block);
      if (first === 0 || this.#file === undefined) continue;
      const begin = block * blockSizeBytes;
      while ((block + 1) * blockSizeBytes < end && this.#pageOf(block + 1) === this.#pageOf(block) + 1)
        block++;
      const from = Math.max(begin, position);
      const run = bytes.subarray(from - position, Math.min((block + 1) * blockSizeBytes, end) - position);
      await readExactly(this.#file, run, this.#positionOf(first) + from - begin);
    }
  }

  /** Leaves the pages for an older backup. @throws system errors */
  async keep(): Promise<void> {
    if (this.#file !== undefined) await writeAll(this.#file, bytesOf(this.#words), 0);
  }

  /** Removes the file: the relation file has all of them. @throws system errors */
  remove(): void {
    if (this.#file !== undefined) rmSync(pathOf(this.#relation.place));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.close();
  }

  /** 0 without one. */
  #pageOf(block: number): number {
    return this.#words[headWords + block] ?? 0;
  }

  #positionOf(page: number): number {
    const { blockSizeBytes } = this.#relation;
    return (Math.ceil(this.#words.byteLength / blockSizeBytes) + page - 1) * blockSizeBytes;
  }
}

function pathOf(place: string): string {
  return `${place}${suffix}`;
}

function openIfThere(place: string): OpenFile | undefined {
  try {
    return openDirectly(pathOf(place), constants.O_RDWR | constants.O_NOFOLLOW);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function create(place: string): OpenFile {
  return openDirectly(pathOf(place), constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

async function readExactly(file: OpenFile, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, position + at);
    if (bytesRead === 0) throw new Error('pages that were set aside have gone');
    at += bytesRead;
  }
}
