/**
 * A buffer whose pages are checked and digested where they lie: in the memory of a WebAssembly module with vectors, or by
 * `verifyPages`, which costs five times as much, and `highwayHash64`, fifty times, where the processor has none.
 */
import {
  hashBytes,
  highwayHash64,
  packetBytes,
  writeLastPacket,
  type HighwayKey,
} from '../../base/checksum/highway-hash.ts';
import { scratchBytes } from '../../base/checksum/highway-module.ts';
import { verifyPages } from './page-checksum.ts';
import { makePageModule, type PageModule } from './page-module.ts';

/** The smallest and the largest page that PostgreSQL can be built with. */
const smallestPageBytes = 1024;
const largestPageBytes = 32 * 1024;

interface HashedPages {
  readonly start: number;
  readonly end: number;
  readonly blockSizeBytes: number;
  readonly key: HighwayKey;
}

export class PageBuffer {
  readonly bytes: Buffer;
  readonly #module: PageModule | undefined;
  readonly #zeros = Buffer.alloc(largestPageBytes);
  /** Where the module writes the positions of wrong pages, or the digests of pages: these take more room. */
  readonly #resultsAt: number;
  /** Where the module finds the key, and a last packet. */
  readonly #scratchAt: number;

  /** `make` throws where the processor has no vectors that WebAssembly could use. */
  constructor(sizeBytes: number, make: (memoryBytes: number) => PageModule = makePageModule) {
    const mostPages = Math.ceil(sizeBytes / smallestPageBytes);
    this.#resultsAt = mostPages * smallestPageBytes;
    this.#scratchAt = this.#resultsAt + mostPages * hashBytes;
    this.#module = unlessUnable(make, this.#scratchAt + scratchBytes);
    this.bytes =
      this.#module === undefined
        ? Buffer.allocUnsafeSlow(sizeBytes)
        : Buffer.from(this.#module.memory, 0, sizeBytes);
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

  /**
   * Writes HighwayHash-64 of each page from `start` up to `end` to `out`, 8 bytes a page, the lowest first. A rest shorter
   * than a page is digested as it is. @returns the number of digests
   */
  digestPages(
    start: number,
    end: number,
    {
      blockSizeBytes,
      key,
      out,
    }: { readonly blockSizeBytes: number; readonly key: HighwayKey; readonly out: Uint8Array },
  ): number {
    if (end > this.bytes.length)
      throw new RangeError(`${end} lies beyond a buffer of ${this.bytes.length} bytes`);
    if (end <= start) return 0;
    const pages = Math.ceil((end - start) / blockSizeBytes);
    if (this.#module !== undefined) {
      this.#hashPages(this.#module, { start, end, blockSizeBytes, key });
      out.set(new Uint8Array(this.#module.memory, this.#resultsAt, pages * hashBytes));
      return pages;
    }
    const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
    for (let page = 0; page < pages; page++) {
      const at = start + page * blockSizeBytes;
      const bytes = this.bytes.subarray(at, Math.min(at + blockSizeBytes, end));
      view.setBigUint64(page * hashBytes, highwayHash64(bytes, key), true);
    }
    return pages;
  }

  #hashPages({ memory, hashPieces }: PageModule, { start, end, blockSizeBytes, key }: HashedPages): void {
    const scratch = new Uint8Array(memory, this.#scratchAt, scratchBytes);
    key.writeTo(scratch);
    const endOfPages = end - ((end - start) % blockSizeBytes);
    if (endOfPages > start)
      hashPieces(start, endOfPages, blockSizeBytes, 0, this.#scratchAt, this.#resultsAt);
    if (endOfPages === end) return;
    const restBytes = (end - endOfPages) % packetBytes;
    const endOfPackets = end - restBytes;
    writeLastPacket(this.bytes.subarray(endOfPackets, end), scratch.subarray(packetBytes));
    const resultAt = this.#resultsAt + ((endOfPages - start) / blockSizeBytes) * hashBytes;
    hashPieces(endOfPages, endOfPackets, endOfPackets - endOfPages, restBytes, this.#scratchAt, resultAt);
  }

  #suspects(start: number, end: number, firstBlock: number, blockSizeBytes: number): number[] {
    if (this.#module === undefined)
      return Array.from(
        { length: (end - start) / blockSizeBytes },
        (_, page) => start + page * blockSizeBytes,
      );
    const { memory, findWrongPages } = this.#module;
    const count = findWrongPages(start, end, firstBlock, blockSizeBytes, this.#resultsAt);
    return [...new Uint32Array(memory, this.#resultsAt, count)];
  }
}

function unlessUnable<T>(make: (memoryBytes: number) => T, memoryBytes: number): T | undefined {
  try {
    return make(memoryBytes);
  } catch {
    return undefined;
  }
}
