/**
 * The check of page checksums while a backup reads the files.
 *
 * The server writes meanwhile, so a wrong checksum may only mean that the page was read while half written. The page
 * is read again, and then judged by its LSN (basebackup.c, sendFile).
 */
import { sleep } from '../../../base/time/wait.ts';
import { isDatabaseDirectory } from '../../../postgres/cluster/backup-selection.ts';
import { parseRelationFile } from '../../../postgres/cluster/relation-file.ts';
import { pageLsn, verifyPages } from '../../../postgres/cluster/page-checksum.ts';
import type { Lsn } from '../../../postgres/wal/lsn.ts';

export interface PageCheckSettings {
  readonly blockSizeBytes: number;
  /** RELSEG_SIZE: blocks in one file of a relation. */
  readonly relationSegmentBlocks: number;
  /** Where recovery of this backup begins. */
  readonly startLsn: Lsn;
  /** How far the server has written WAL by now. */
  readonly currentLsn: () => Promise<Lsn>;
}

export interface DamagedPage {
  readonly path: string;
  /** Number of the page within this file. */
  readonly page: number;
}

/** Reads a page of the file again, as it is now; false when the file has become too short for it. */
export type RereadPage = (page: number, target: Uint8Array) => Promise<boolean>;

const rereadPausesMs = [1, 5, 20, 100];

/** Checks one file of a relation, chunk by chunk. Chunks begin at page boundaries. */
export class PageCheck {
  readonly #settings: PageCheckSettings;
  readonly #path: string;
  readonly #firstBlock: number;
  readonly damaged: DamagedPage[] = [];

  constructor(settings: PageCheckSettings, path: string) {
    this.#settings = settings;
    this.#path = path;
    this.#firstBlock = segmentOfRelation(path) * settings.relationSegmentBlocks;
  }

  /**
   * Checks a chunk; `firstPage` is the number of its first page within the file. A page whose second reading is good
   * replaces the first reading in the chunk.
   */
  async check(
    chunk: Uint8Array,
    firstPage: number,
    options: { readonly reread: RereadPage; readonly signal: AbortSignal },
  ): Promise<void> {
    const { blockSizeBytes } = this.#settings;
    for (const index of verifyPages(chunk, { firstBlock: this.#firstBlock + firstPage, blockSizeBytes })) {
      const page = chunk.subarray(index * blockSizeBytes, (index + 1) * blockSizeBytes);
      if (await this.#isDamaged(page, firstPage + index, options))
        this.damaged.push({ path: this.#path, page: firstPage + index });
    }
  }

  async #isDamaged(
    page: Uint8Array,
    pageNumber: number,
    options: { readonly reread: RereadPage; readonly signal: AbortSignal },
  ): Promise<boolean> {
    const { blockSizeBytes } = this.#settings;
    const firstBlock = this.#firstBlock + pageNumber;
    const again = Buffer.alloc(blockSizeBytes);
    for (const pauseMs of rereadPausesMs) {
      await sleep(pauseMs, options.signal);
      if (!(await options.reread(pageNumber, again))) return false;
      if (verifyPages(again, { firstBlock, blockSizeBytes }).length > 0) continue;
      page.set(again);
      return false;
    }
    return this.#isOutsideRecovery(pageLsn(again));
  }

  /**
   * True if recovery does not rewrite the page. A page whose LSN lies in the backup's WAL is rewritten from a full
   * image, so it is no loss, however torn.
   */
  async #isOutsideRecovery(lsn: Lsn): Promise<boolean> {
    return lsn < this.#settings.startLsn || lsn > (await this.#settings.currentLsn());
  }
}

/** True for a file of a relation, in any fork: only these consist of pages with checksums. */
export function isRelationFile(path: string): boolean {
  const parts = path.split('/');
  const isInPlace = (parts.length === 2 && parts[0] === 'global') || isDatabaseDirectory(parts.slice(0, -1));
  return isInPlace && parseRelationFile(parts.at(-1) ?? '') !== undefined;
}

function segmentOfRelation(path: string): number {
  return parseRelationFile(path.slice(path.lastIndexOf('/') + 1))?.segment ?? 0;
}
