/**
 * Buffers that begin where the kernel wants them. read(2) takes less than half the time on many processors where it copies
 * to a multiple of 32, and a write past the page cache needs whole pages.
 */

/** malloc maps pages for a large buffer and keeps the first bytes for itself. */
const keptByMalloc = 16;
/** No file system that is written to past the page cache asks for more. */
const pageBytes = 4096;

/** Makes a new buffer, which shares its memory with no other. */
export type AllocateAligned = (sizeBytes: number) => Buffer;

/** To be read into; the alignment holds from some 128 KiB on. */
export function alignedBuffer(sizeBytes: number): Buffer {
  return wholeBuffer(Buffer.allocUnsafeSlow(keptByMalloc + sizeBytes).buffer);
}

/**
 * Whole pages: V8 maps them for an ArrayBuffer that can grow (BackingStore::TryAllocateAndPartiallyCommitMemory in
 * backing-store.cc). Nothing else here makes such ones. They cost a page fault for each page: keep them.
 */
export function pagedBuffer(sizeBytes: number): Buffer {
  const memoryBytes = roundedToPages(sizeBytes);
  return wholeBuffer(new ArrayBuffer(memoryBytes, { maxByteLength: memoryBytes }));
}

/** The largest such buffer in this memory. */
export function wholeBuffer(memory: ArrayBufferLike): Buffer {
  const start = isPaged(memory) ? 0 : keptByMalloc;
  return Buffer.from(memory, start, memory.byteLength - start);
}

/**
 * The content of a paged buffer with the rest of its last page, which is zeroed: nothing of what the memory held before is
 * to be seen there. Undefined for any other content.
 */
export function wholePages({ buffer, byteOffset, length }: Uint8Array): Uint8Array | undefined {
  const sizeBytes = roundedToPages(length);
  if (!isPaged(buffer) || byteOffset !== 0 || sizeBytes > buffer.byteLength) return undefined;
  const pages = new Uint8Array(buffer, 0, sizeBytes);
  pages.fill(0, length);
  return pages;
}

function isPaged(memory: ArrayBufferLike): boolean {
  return memory instanceof ArrayBuffer && memory.resizable;
}

function roundedToPages(sizeBytes: number): number {
  return Math.ceil(sizeBytes / pageBytes) * pageBytes;
}
