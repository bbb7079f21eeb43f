/**
 * Digests of relation files, page by page: each page has HighwayHash-64, keyed, and the file SHA-256 over its length and
 * these, so that no byte is hashed twice. Two lists of one file tell which blocks have changed between them.
 */
import { createHash } from 'node:crypto';
import { hashBytes, type HighwayKey } from '../../base/checksum/highway-hash.ts';
import type { PageBuffer } from './page-buffer.ts';

/** A last page that is shorter counts as one. */
export interface PageDigests {
  /** The length of the file. */
  readonly sizeBytes: number;
  /** 8 bytes a page, the lowest first. */
  readonly digests: Uint8Array;
}

/** What 1 MiB of the smallest pages takes: a list begins with it, and doubles. */
const firstBytes = 8 * 1024;

/** Digests one file, piece by piece in their order. */
export class PageDigester {
  readonly #blockSizeBytes: number;
  readonly #key: HighwayKey;
  #sizeBytes = 0;
  #pages = 0;
  #digests = Buffer.alloc(firstBytes);

  constructor({ blockSizeBytes, key }: { readonly blockSizeBytes: number; readonly key: HighwayKey }) {
    this.#blockSizeBytes = blockSizeBytes;
    this.#key = key;
  }

  /** Only the last piece of a file may end within a page. */
  add({
    buffer,
    start,
    end,
  }: {
    readonly buffer: PageBuffer;
    readonly start: number;
    readonly end: number;
  }): void {
    if (this.#sizeBytes % this.#blockSizeBytes !== 0) throw new RangeError('a piece begins within a page');
    const pages = Math.ceil((end - start) / this.#blockSizeBytes);
    const out = this.#room(pages);
    buffer.digestPages(start, end, { blockSizeBytes: this.#blockSizeBytes, key: this.#key, out });
    this.#pages += pages;
    this.#sizeBytes += end - start;
  }

  /** The list is a view of memory of this digester. */
  finish(): PageDigests {
    return { sizeBytes: this.#sizeBytes, digests: this.#digests.subarray(0, this.#pages * hashBytes) };
  }

  #room(pages: number): Uint8Array {
    const neededBytes = (this.#pages + pages) * hashBytes;
    if (neededBytes > this.#digests.length) {
      const larger = Buffer.alloc(Math.max(neededBytes, 2 * this.#digests.length));
      larger.set(this.#digests);
      this.#digests = larger;
    }
    return this.#digests.subarray(this.#pages * hashBytes, neededBytes);
  }
}

/** The digest of the whole file: SHA-256 over its length, 8 bytes, the lowest first, and the digests of its pages. */
export function fileDigest({ sizeBytes, digests }: PageDigests): string {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(sizeBytes));
  return createHash('sha256').update(length).update(digests).digest('hex');
}

/**
 * The numbers of the blocks, ascending, that a file has and an earlier state of it had not, or not with that content: all
 * beyond its earlier end are among them. Blocks that the file has lost are not.
 */
export function changedBlocks(now: PageDigests, earlier: PageDigests): Uint32Array {
  const words = wordsOf(now.digests);
  const earlierWords = wordsOf(earlier.digests);
  const changed = new Uint32Array(words.length / 2);
  let count = 0;
  for (let block = 0, at = 0; at < words.length; block++, at += 2)
    // Beyond the end of the earlier list there is undefined, which equals no word.
    if (words[at] !== earlierWords[at] || words[at + 1] !== earlierWords[at + 1]) changed[count++] = block;
  return changed.slice(0, count);
}

function wordsOf(digests: Uint8Array): Int32Array {
  if (digests.length % hashBytes !== 0) throw new TypeError(`a list of ${digests.length} bytes`);
  const { buffer, byteOffset } = digests.byteOffset % 4 === 0 ? digests : Uint8Array.from(digests);
  return new Int32Array(buffer, byteOffset, digests.length / 4);
}
