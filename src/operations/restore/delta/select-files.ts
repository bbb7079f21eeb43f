/** Which files of a backup, and of those that it builds on, an existing directory does not have: a restore onto it writes only these. */
import { each } from '../../../base/threads/each.ts';
import type { Log } from '../../../observe/events/events.ts';
import { wholePath } from '../../../postgres/cluster/incremental/file-name.ts';
import { EntrySpool, readSpooled } from '../../../repository/backup/entry-spool.ts';
import type { VerifiedManifest } from '../../../repository/backup/manifest-spool.ts';
import type { BackupPart, BackupRecord } from '../../../repository/format/backup-record.ts';
import type { SystemPath } from '../../../repository/format/layout.ts';
import { tablespaceOf, type ManifestEntry } from '../../../repository/format/manifest.ts';
import type { Repository } from '../../../repository/repository.ts';
import type { AccessMode } from '../access-mode.ts';
import type { Places } from '../places.ts';
import type { Selection, VerifiedLineage } from '../unpack-lineage.ts';
import type { ComparedFiles, FileComparer, KnownPages } from './compare-files.ts';

export interface SelectOptions {
  readonly repository: Repository;
  readonly system: SystemPath;
  /** The full backup first. */
  readonly lineage: readonly BackupRecord[];
  readonly verified: VerifiedLineage;
  /** The pages that the newest backup restores to; undefined: nothing is known of them. */
  readonly pages:
    { pagesOf(path: string): Promise<Omit<KnownPages, 'blockSizeBytes'> | undefined> } | undefined;
  readonly places: Places;
  readonly accessMode: AccessMode | undefined;
  readonly comparer: FileComparer;
  readonly spoolDirectory: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface SelectedFiles extends Selection, AsyncDisposable {
  /** Files that are there already, and their bytes. */
  readonly sameFiles: number;
  readonly sameBytes: number;
  /** Files that are new, or of which anything differs. */
  readonly differingFiles: number;
  /** What must be free for them, nearly: in the data directory, by undefined, and in each tablespace, by its number. */
  readonly growthBytes: ReadonlyMap<number | undefined, number>;
}

/** The group of the relation files that are the same and that several backups make: no part has this number. */
const sameMade = -1;
/** While one waits for the disk, the thread digests another. */
const partsPerThread = 3;

/** The group of the incremental files to write. */
const incrementals = -2;

/** Compares all files, side by side. @throws WalvaultError `local-io`; the error of the comparison that failed first */
export async function selectFiles(options: SelectOptions): Promise<SelectedFiles> {
  const { lineage, verified, spoolDirectory } = options;
  await using stack = new AsyncDisposableStack();
  const chosen: ChosenFiles[] = [];
  for (const _ of lineage) chosen.push(new ChosenFiles(stack.use(await EntrySpool.open(spoolDirectory))));
  const comparison = new Comparison(options);
  const older = lineage.slice(0, -1);
  const newest = { record: lineage.at(-1), manifest: verified.manifests.at(-1), target: chosen.at(-1) };
  if (newest.record !== undefined && newest.manifest !== undefined && newest.target !== undefined)
    await comparison.run(newest.record, newest.manifest, newest.target);
  for (const [index, record] of older.entries()) {
    const [manifest, target] = [verified.manifests[index], chosen[index]];
    if (manifest !== undefined && target !== undefined) await comparison.addOlder(record, manifest, target);
  }
  for (const one of chosen) await one.flush();
  const open = stack.move();
  return {
    manifests: verified.manifests.map((manifest, index) => chosen[index]?.over(manifest) ?? manifest),
    made: () => newest.target?.sameMade() ?? nothing(),
    ...comparison.figures,
    growthBytes: comparison.growthBytes,
    [Symbol.asyncDispose]: async () => await open.disposeAsync(),
  };
}

/** The files of one backup that are to be written. */
class ChosenFiles {
  readonly #spool: EntrySpool;
  #totalBytes = 0;

  constructor(spool: EntrySpool) {
    this.#spool = spool;
  }

  async add(part: number, entry: ManifestEntry): Promise<void> {
    await this.#spool.add(part, entry);
    this.#totalBytes += entry.sizeBytes;
    if (wholePath(entry.path) !== undefined) await this.#spool.add(incrementals, entry);
  }

  async addSame(entry: ManifestEntry): Promise<void> {
    await this.#spool.add(sameMade, entry);
  }

  sameMade(): AsyncGenerator<ManifestEntry> {
    return readSpooled(this.#spool.entriesOf(sameMade));
  }

  async flush(): Promise<void> {
    await this.#spool.flush();
  }

  /** The manifest with these files alone, and with all directories. */
  over(manifest: VerifiedManifest): VerifiedManifest {
    const spool = this.#spool;
    return {
      ...manifest,
      filesOfPart: part => spool.entriesOf(part),
      totalBytes: this.#totalBytes,
      incrementals: () => wholePaths(readSpooled(spool.entriesOf(incrementals))),
    };
  }
}

class Comparison {
  readonly #options: SelectOptions;
  /** Relation files to make of several backups, and the size of what is there. */
  readonly #toMake = new Map<string, number>();
  readonly growthBytes = new Map<number | undefined, number>();
  readonly #figures = { sameFiles: 0, sameBytes: 0, differingFiles: 0 };
  #blockSizeBytes: number | undefined;

  constructor(options: SelectOptions) {
    this.#options = options;
  }

  get figures() {
    return this.#figures;
  }

  async run(record: BackupRecord, manifest: VerifiedManifest, target: ChosenFiles): Promise<void> {
    const { repository, system, places, accessMode, comparer, log, signal } = this.#options;
    this.#blockSizeBytes = record.relationLayout?.blockSizeBytes;
    const failed = new AbortController();
    const run = { signal: AbortSignal.any([signal, failed.signal]) };
    const progress = new Map<number, number>();
    await each(record.parts, partsPerThread * comparer.jobs, async part => {
      const entries = manifest.filesOfPart(part.number);
      try {
        run.signal.throwIfAborted();
        const pages = await this.#pagesOf(readSpooled(entries));
        const onRead = (readBytes: number) => {
          progress.set(part.number, readBytes);
          const doneBytes = progress.values().reduce((sum, bytes) => sum + bytes, 0);
          log.emit({ kind: 'progress', stage: 'comparing', doneBytes });
        };
        const job = { system, entries, pages, places, accessMode };
        await this.#take(part, await comparer.compare(repository, job, { ...run, onRead }), {
          manifest,
          target,
        });
      } catch (error) {
        // What the others say when they are told to stop is not the reason.
        failed.signal.throwIfAborted();
        failed.abort(error);
        throw error;
      }
    });
  }

  /** What an older backup has of the files that are made of several. */
  async addOlder(record: BackupRecord, manifest: VerifiedManifest, target: ChosenFiles): Promise<void> {
    for (const { number } of record.parts)
      for await (const entry of readSpooled(manifest.filesOfPart(number))) {
        const thereBytes = this.#toMake.get(wholePath(entry.path) ?? entry.path);
        if (thereBytes === undefined) continue;
        await target.add(number, entry);
        this.#grow(entry, thereBytes);
      }
  }

  async #take(
    { number }: BackupPart,
    { isSame, sizesBytes, made }: ComparedFiles,
    { manifest, target }: { readonly manifest: VerifiedManifest; readonly target: ChosenFiles },
  ): Promise<void> {
    let index = 0;
    for await (const entry of readSpooled(manifest.filesOfPart(number))) {
      const thereBytes = sizesBytes[index] ?? 0;
      if (isSame[index++] === 1) {
        this.#figures.sameFiles++;
        this.#figures.sameBytes += thereBytes;
        continue;
      }
      const relation = wholePath(entry.path);
      if (relation !== undefined) this.#toMake.set(relation, thereBytes);
      this.#figures.differingFiles++;
      await target.add(number, entry);
      this.#grow(entry, thereBytes);
    }
    for (const { sha256, ...file } of made)
      await target.addSame({ ...file, type: 'file', mode: 0, sha256, part: 0 });
  }

  #grow({ path, sizeBytes }: ManifestEntry, thereBytes: number): void {
    const oid = tablespaceOf(path);
    const growth = Math.max(0, sizeBytes - thereBytes);
    this.growthBytes.set(oid, (this.growthBytes.get(oid) ?? 0) + growth);
  }

  async #pagesOf(entries: AsyncIterable<ManifestEntry>): Promise<(KnownPages | undefined)[]> {
    const { pages } = this.#options;
    const found: (KnownPages | undefined)[] = [];
    for await (const { path } of entries) {
      const relation = wholePath(path);
      const known = await pages?.pagesOf(relation ?? path);
      const blockSizeBytes = relation === undefined ? undefined : this.#blockSizeBytes;
      found.push(known && { ...known, blockSizeBytes });
    }
    return found;
  }
}

async function* wholePaths(entries: AsyncIterable<ManifestEntry>): AsyncGenerator<string> {
  for await (const { path } of entries) yield wholePath(path) ?? path;
}

async function* nothing(): AsyncGenerator<ManifestEntry> {
  // Nothing is the same.
}
