/**
 * A buffer whose pages are checked where they lie, at a fifth of what `verifyPages` costs: in the memory of a WebAssembly
 * module with vectors, or by `verifyPages` where the processor has none.
 */
import { verifyPages } from './page-checksum.ts';
import { makePageSums, type PageSums } from './page-sums-module.ts';

/** The smallest and the largest page that PostgreSQL can be built with. */
const smallestPageBytes = 1024;
const largestPageBytes = 32 * 1024;
const positionBytes = 4;

export class PageBuffer {
  readonly bytes: Buffer;
  readonly #sums: PageSums | undefined;
  readonly #zeros = Buffer.alloc(largestPageBytes);
  /** Where the module writes the positions of wrong pages. */
  readonly #foundAt: number;

  /** `make` throws where the processor has no vectors that WebAssembly could use. */
  constructor(sizeBytes: number, make: (memoryBytes: number) => PageSums = makePageSums) {
    const mostPages = Math.ceil(sizeBytes / smallestPageBytes);
    this.#foundAt = mostPages * smallestPageBytes;
    this.#sums = unlessUnable(make, this.#foundAt + mostPages * positionBytes);
    this.bytes =
      this.#sums === undefined
        ? Buffer.allocUnsafeSlow(sizeBytes)
        : Buffer.from(this.#sums.memory, 0, sizeBytes);
  }

  /**
   * Where pages with a wrong checksum begin in `bytes`, among the whole pages from `start` up to `end`. `firstBlock` is
   * the number of the first page within the whole relation, all its segments included.
   */
  wrongPages(
    start: number,
    end: number,
    { firstBlock, blockSizeBytes }: { readonly firstBlock: number; readonly blockSizeBytes: number },
  ): number[] {
    const endOfPages = end - ((end - start) % blockSizeBytes);
    if (endOfPages <= start) return [];
    // The module knows nothing of new pages, which are all zero and have no checksum. A sparse file has many of them.
    return this.#suspects(start, endOfPages, firstBlock, blockSizeBytes).filter(at => {
      const block = firstBlock + (at - start) / blockSizeBytes;
      const page = this.bytes.subarray(at, at + blockSizeBytes);
      if (this.#zeros.subarray(0, blockSizeBytes).equals(page)) return false;
      return verifyPages(page, { firstBlock: block, blockSizeBytes }).length > 0;
    });
  }

  #suspects(start: number, end: number, firstBlock: number, blockSizeBytes: number): number[] {
    if (this.#sums === undefined)
      return Array.from(
        { length: (end - start) / blockSizeBytes },
        (_, page) => start + page * blockSizeBytes,
      );
    const { memory, findWrongPages } = this.#sums;
    const count = findWrongPages(start, end, firstBlock, blockSizeBytes, this.#foundAt);
    return [...new Uint32Array(memory, this.#foundAt, count)];
  }
}

function unlessUnable<T>(make: (memoryBytes: number) => T, memoryBytes: number): T | undefined {
  try {
    return make(memoryBytes);
  } catch {
    return undefined;
  }
}
