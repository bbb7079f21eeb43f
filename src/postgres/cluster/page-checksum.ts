/**
 * Checksums of data pages (checksum_impl.h). A checksum is 32 interleaved FNV-1a-like sums over the page as 32-bit
 * words, each with its own starting value, two rounds of zeros, folded by xor, mixed with the block number, reduced to
 * 1…65535.
 */
import type { Lsn } from '../wal/lsn.ts';

const sums = 32;
export const prime = 16_777_619;
/** The offset of pd_checksum. */
export const checksumAt = 8;

/** checksumBaseOffsets: "random" constants that are part of the format. */
export const startValues = Int32Array.of(
  0x5b1f36e9, 0xb8525960, 0x02ab50aa, 0x1de66d2a, 0x79ff467a, 0x9bb9f8a3, 0x217e7cd2, 0x83e13d2c,
  0xf8d4474f, 0xe39eb970, 0x42c6ae16, 0x993216fa, 0x7b093b5d, 0x98daff3c, 0xf718902a, 0x0b1c9cdb,
  0xe58f764b, 0x187636bc, 0x5d7b3bb1, 0xe73de7de, 0x92bec979, 0xcca6c0b2, 0x304a0979, 0x85aa43d4,
  0x783125bb, 0x6ca8eaa2, 0xe407eac6, 0x4b5cfc3e, 0x9fbf8c76, 0x15ca20be, 0xf2ca9fd3, 0x959bd756,
); // prettier-ignore

/**
 * Indexes within `data` of pages with a wrong checksum. New pages are all zero and have no checksum; only they are
 * exempt (PageIsVerified). `firstBlock` is the block number of the first page within the whole relation, all its
 * segments included. A rest shorter than a page is ignored.
 */
export function verifyPages(
  data: Uint8Array,
  options: { firstBlock: number; blockSizeBytes: number },
): number[] {
  const { firstBlock, blockSizeBytes } = options;
  const wrong: number[] = [];
  const words = wordsOf(data);
  const pages = Math.floor(data.length / blockSizeBytes);
  const pageWords = blockSizeBytes / 4;
  for (let page = 0; page < pages; page++) {
    const at = page * pageWords;
    const stored = (words[at + 2] as number) & 0xffff;
    if (checksumOfWords(words, at, pageWords, firstBlock + page) === stored) continue;
    if (stored === 0 && isZero(words, at, pageWords)) continue;
    wrong.push(page);
  }
  return wrong;
}

/** The value that `pd_checksum` of this page should have (pg_checksum_page). */
export function pageChecksum(page: Uint8Array, blockNumber: number): number {
  return checksumOfWords(wordsOf(page), 0, page.length / 4, blockNumber);
}

/** The end of the last WAL record that changed the page (pd_lsn). Two 32-bit halves, the high half first. */
export function pageLsn(page: Uint8Array): Lsn {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  return (BigInt(view.getUint32(0, true)) << 32n) | BigInt(view.getUint32(4, true));
}

/** The stored checksum (pd_checksum). */
export function storedPageChecksum(page: Uint8Array): number {
  return (page[checksumAt] as number) | ((page[checksumAt + 1] as number) << 8);
}

function wordsOf(data: Uint8Array): Int32Array {
  const wholeWords = data.length >>> 2;
  if (data.byteOffset % 4 === 0) return new Int32Array(data.buffer, data.byteOffset, wholeWords);
  const aligned = new Uint8Array(data);
  return new Int32Array(aligned.buffer, 0, wholeWords);
}

function checksumOfWords(words: Int32Array, at: number, pageWords: number, blockNumber: number): number {
  let folded = 0;
  const checksumWord = at + checksumAt / 4;
  for (let sum = 0; sum < sums; sum += 4) folded ^= fourSums(words, at, pageWords, sum, checksumWord);
  return (((folded ^ blockNumber) >>> 0) % 65_535) + 1;
}

/** Four neighbouring sums at once, in registers; the checksum field itself counts as zero. */
function fourSums(
  words: Int32Array,
  at: number,
  pageWords: number,
  first: number,
  checksumWord: number,
): number {
  let a = startValues[first] as number;
  let b = startValues[first + 1] as number;
  let c = startValues[first + 2] as number;
  let d = startValues[first + 3] as number;
  const end = at + pageWords;
  for (let i = at + first; i < end; i += sums) {
    const x = a ^ (words[i] as number);
    const y = b ^ (words[i + 1] as number);
    const stored = words[i + 2] as number;
    const z = c ^ (i + 2 === checksumWord ? stored & ~0xffff : stored);
    const w = d ^ (words[i + 3] as number);
    a = Math.imul(x, prime) ^ (x >>> 17);
    b = Math.imul(y, prime) ^ (y >>> 17);
    c = Math.imul(z, prime) ^ (z >>> 17);
    d = Math.imul(w, prime) ^ (w >>> 17);
  }
  for (let round = 0; round < 2; round++) {
    a = Math.imul(a, prime) ^ (a >>> 17);
    b = Math.imul(b, prime) ^ (b >>> 17);
    c = Math.imul(c, prime) ^ (c >>> 17);
    d = Math.imul(d, prime) ^ (d >>> 17);
  }
  return a ^ b ^ c ^ d;
}

function isZero(words: Int32Array, at: number, pageWords: number): boolean {
  for (let i = at; i < at + pageWords; i++) if (words[i] !== 0) return false;
  return true;
}
