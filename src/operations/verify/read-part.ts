/** The reading of one part of a backup to its end: its bytes, its files against the manifest, and the pages of relations. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { collect, type ByteStream } from '../../base/bytes/streams.ts';
import { fileBounds } from '../../base/bounds.ts';
import { controlFilePath, parseControlFile } from '../../postgres/cluster/control-file.ts';
import { PageBuffer } from '../../postgres/cluster/page-buffer.ts';
import { pageLsn } from '../../postgres/cluster/page-checksum.ts';
import { isRelationFile, segmentOfRelation } from '../../postgres/cluster/relation-path.ts';
import { ManifestMismatch } from '../../repository/backup/expected-files.ts';
import { readPart, type PartSource } from '../../repository/backup/read-part.ts';
import { pieceKey } from '../../repository/format/layout.ts';
import type { ReadDepth } from '../../repository/format/notes/verified.ts';
import type { Repository } from '../../repository/repository.ts';
import { isStoreError } from '../../stores/store.ts';
import type { SuspectPage } from '../damaged-pages.ts';
import type { FindingKind } from './finding.ts';
import { readStoredBytes } from './stored-bytes.ts';
import type { ReadOutcome } from './read-wal.ts';

/** How the pages of relations are laid out, as the backed-up `pg_control` tells. */
export interface PageLayout {
  readonly blockSizeBytes: number;
  /** RELSEG_SIZE: blocks in one file of a relation. */
  readonly relationSegmentBlocks: number;
}

/** Plain data, for other threads. */
export interface PartToRead extends Omit<PartSource, 'expected'> {
  /** Undefined: the manifest cannot be read, and the stored bytes alone are compared. */
  readonly expected: PartSource['expected'] | undefined;
  /** Undefined: pages have no checksums, or nothing tells how they are laid out. */
  readonly pages: PageLayout | undefined;
  readonly depth: ReadDepth;
}

export type PartFaultKind = Extract<
  FindingKind,
  'part-bytes-changed' | 'part-undecodable' | 'part-not-as-manifest'
>;

export interface PartResult {
  readonly outcome: ReadOutcome<PartFaultKind> | { readonly outcome: 'missing' };
  /** Pages with a wrong checksum, the first ones. */
  readonly suspects: readonly SuspectPage[];
  /** From the part that holds `global/pg_control`. */
  readonly layout: PageLayout | undefined;
}

const mostSuspects = 1000;
/** A multiple of every size of a page. */
const bufferBytes = 1024 ** 2;

/** @throws StoreError when the store fails, which says nothing about the part */
export async function verifyPart(
  repository: Repository,
  part: PartToRead,
  { signal }: { readonly signal: AbortSignal },
): Promise<PartResult> {
  const pages = part.pages && new PageReader(part.pages);
  let layout: PageLayout | undefined;
  const key = pieceKey(part.system, part.backup.id, part.part);
  const { storedSha256: sha256, storedSizeBytes: storedBytes } = part.part;
  const result = (outcome: PartResult['outcome']): PartResult => ({
    outcome,
    suspects: pages?.suspects ?? [],
    layout,
  });
  const compareStored = async (): Promise<boolean> =>
    (await readStoredBytes(repository, key, { sha256, sizeBytes: storedBytes }, signal)).isAsRecorded;
  try {
    if (part.depth === 'stored' || part.expected === undefined)
      return result((await compareStored()) ? { outcome: 'sound', depth: 'stored', storedBytes } : changed);
    try {
      await readPart(
        repository,
        { ...part, expected: part.expected },
        {
          signal,
          async use({ path }, content) {
            if (path === controlFilePath)
              layout = layoutIn(await collect(content, fileBounds.serverFile.limitBytes));
            else if (pages !== undefined && isRelationFile(path)) await pages.read(path, content);
            else for await (const _ of content) signal.throwIfAborted();
          },
        },
      );
      return result({ outcome: 'sound', depth: 'decoded', storedBytes });
    } catch (error) {
      if (!(error instanceof WalvaultError)) throw error;
      if (error.code === 'key')
        return result((await compareStored()) ? { outcome: 'sound', depth: 'stored', storedBytes } : changed);
      if (isStoreError(error.cause, 'absent')) throw error.cause;
      if (error.code !== 'damaged') throw error;
      if (!(await compareStored())) return result(changed);
      const isMismatch = [error, error.cause].some(one => one instanceof ManifestMismatch);
      const kind = isMismatch ? 'part-not-as-manifest' : 'part-undecodable';
      return result({ outcome: 'faulty', kind, problem: error.message });
    }
  } catch (error) {
    if (isStoreError(error, 'absent')) return result({ outcome: 'missing' });
    if (isStoreError(error, 'cold')) return result({ outcome: 'cold' });
    throw error;
  }
}

const changed = {
  outcome: 'faulty',
  kind: 'part-bytes-changed',
  problem: 'its stored bytes are not those of its commit record',
} as const;

/** Undefined for a file of a PostgreSQL that this version does not know. */
function layoutIn(data: Buffer): PageLayout | undefined {
  try {
    const { blockSizeBytes, relationSegmentBlocks } = parseControlFile(data);
    return { blockSizeBytes, relationSegmentBlocks };
  } catch (error) {
    if (error instanceof WalvaultError) return undefined;
    throw error;
  }
}

/** Takes the content of one file after the other through one buffer, which is a whole number of pages. */
class PageReader {
  readonly suspects: SuspectPage[] = [];
  readonly #layout: PageLayout;
  readonly #buffer = new PageBuffer(bufferBytes);

  constructor(layout: PageLayout) {
    this.#layout = layout;
  }

  async read(path: string, content: ByteStream): Promise<void> {
    let filled = 0;
    let page = 0;
    for await (const chunk of content)
      for (let from = 0; from < chunk.length;) {
        const taken = Math.min(chunk.length - from, bufferBytes - filled);
        this.#buffer.bytes.set(chunk.subarray(from, from + taken), filled);
        from += taken;
        filled += taken;
        if (filled < bufferBytes) continue;
        this.#check(path, page, filled);
        page += filled / this.#layout.blockSizeBytes;
        filled = 0;
      }
    this.#check(path, page, filled);
  }

  #check(path: string, page: number, end: number): void {
    const { blockSizeBytes, relationSegmentBlocks } = this.#layout;
    const firstBlock = segmentOfRelation(path) * relationSegmentBlocks + page;
    for (const at of this.#buffer.wrongPages(0, end, { firstBlock, blockSizeBytes })) {
      if (this.suspects.length >= mostSuspects) return;
      const lsn = pageLsn(this.#buffer.bytes.subarray(at, at + blockSizeBytes));
      this.suspects.push({ path, page: page + at / blockSizeBytes, lsn });
    }
  }
}
