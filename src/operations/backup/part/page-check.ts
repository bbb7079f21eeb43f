/**
 * The check of page checksums while a backup reads the files.
 *
 * The server writes meanwhile, so a wrong checksum may only mean that the page was read while half written. The page
 * is read again, and then judged by its LSN (basebackup.c, sendFile).
 */
import { sleep } from '../../../base/time/wait.ts';
import { segmentOfRelation } from '../../../postgres/cluster/relation-path.ts';
import type { PageBuffer } from '../../../postgres/cluster/page-buffer.ts';
import { pageLsn, verifyPages } from '../../../postgres/cluster/page-checksum.ts';
import type { SuspectPage } from '../../damaged-pages.ts';

export interface PageCheckSettings {
  readonly blockSizeBytes: number;
  /** RELSEG_SIZE: blocks in one file of a relation. */
  readonly relationSegmentBlocks: number;
}

/** Reads a page of the file again, as it is now; false when the file has become too short for it. */
export type RereadPage = (page: number, target: Uint8Array) => boolean;

/** A piece of a file in a buffer. */
export interface CheckedPiece {
  readonly buffer: PageBuffer;
  readonly start: number;
  readonly end: number;
  /** The number of the first page within the file; the piece begins with a page. */
  readonly firstPage: number;
}

const rereadPausesMs = [1, 5, 20, 100];

/** Checks one file of a relation, piece by piece. */
export class PageCheck {
  readonly #settings: PageCheckSettings;
  readonly #path: string;
  readonly #firstBlock: number;
  readonly suspects: SuspectPage[] = [];

  constructor(settings: PageCheckSettings, path: string) {
    this.#settings = settings;
    this.#path = path;
    this.#firstBlock = segmentOfRelation(path) * settings.relationSegmentBlocks;
  }

  /**
   * Makes the digests of suspect pages ones that no page has: the next incremental backup takes them for changed, and so checks and
   * reports them again.
   * @param digests 8 bytes a page; `blocks` tells which pages, if these are not all of the file
   */
  spoilDigests(digests: Uint8Array, blocks?: Uint32Array): void {
    for (const { page } of this.suspects) {
      const index = blocks === undefined ? page : blocks.indexOf(page);
      const digest = index === -1 ? digests.subarray(0, 0) : digests.subarray(8 * index, 8 * (index + 1));
      digest.set(digest.map(byte => ~byte));
    }
  }

  /** The positions in the buffer of pages that look wrong, to be given to `readAgain`. */
  wrongPages({ buffer, start, end, firstPage }: CheckedPiece): number[] {
    const { blockSizeBytes } = this.#settings;
    return buffer.wrongPages(start, end, { firstBlock: this.#firstBlock + firstPage, blockSizeBytes });
  }

  /** Reads the page at `position` of the buffer again. A reading that is good replaces the first one in the buffer. */
  async readAgain(
    position: number,
    { buffer, start, firstPage }: CheckedPiece,
    { reread, signal }: { readonly reread: RereadPage; readonly signal: AbortSignal },
  ): Promise<void> {
    const { blockSizeBytes } = this.#settings;
    const page = firstPage + (position - start) / blockSizeBytes;
    const firstBlock = this.#firstBlock + page;
    const again = Buffer.alloc(blockSizeBytes);
    for (const pauseMs of rereadPausesMs) {
      await sleep(pauseMs, signal);
      if (!reread(page, again)) return;
      if (verifyPages(again, { firstBlock, blockSizeBytes }).length > 0) continue;
      buffer.bytes.set(again, position);
      return;
    }
    this.suspects.push({ path: this.#path, page, lsn: pageLsn(again) });
  }
}
