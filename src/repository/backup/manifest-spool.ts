/** A backup's manifest, verified to its end before any entry is used. Its lines wait beside the restored data. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { wholePath } from '../../postgres/cluster/incremental/file-name.ts';
import { pieceKey, type SystemPath } from '../format/layout.ts';
import { comparePaths, readManifest, tablespaceOf, type ManifestEntry } from '../format/manifest.ts';
import type { BackupRecord } from '../format/backup-record.ts';
import type { Repository } from '../repository.ts';
import { EntrySpool, readSpooled, type SpooledEntries } from './entry-spool.ts';
import { readPiece } from './stored-piece.ts';

export interface VerifiedManifest extends AsyncDisposable {
  directories(): AsyncGenerator<ManifestEntry>;
  /** The files whose bytes are in one part, in the manifest's order. */
  filesOfPart(part: number): SpooledEntries;
  /** Plain bytes of the files under `pg_tblspc/<oid>/`. */
  tablespaceBytes(oid: number): number;
  readonly totalBytes: number;
  /** The relation files of which this backup has changed pages only: the backup that it builds on has the others. */
  incrementals(): AsyncGenerator<string>;
  /** The files that `leavesOut` named; they are in none of the above but the incrementals. */
  leftOut(): AsyncGenerator<ManifestEntry>;
  /** True if files of this part were left out. */
  leavesOutOf(part: number): boolean;
}

export interface ManifestSource {
  readonly repository: Repository;
  readonly system: SystemPath;
  readonly record: BackupRecord;
  readonly spoolDirectory: string;
  /**
   * Of a backup that another one builds on: the relation files that this one wants, in the order of a manifest. All others are left
   * out. Undefined: all files.
   */
  readonly wanted?: AsyncIterable<string>;
  /** Names files, by their paths, whose bytes are not to be read. Default: none. */
  readonly leavesOut?: ((path: string) => boolean) | undefined;
  readonly signal: AbortSignal;
}

/**
 * Files without which PostgreSQL would not start, or, worse, would start without knowing that the data is a backup.
 */
const indispensable = ['PG_VERSION', 'backup_label', 'global/pg_control'];
/** The group of the directories in the spool: no part has this number. */
const directories = -1;
/** The group of the incremental files. */
const incrementals = -2;
/** The group of the files that are left out. */
const leftOut = -3;

/**
 * Reads the manifest to its end into the temporary file.
 * @throws WalvaultError `damaged`
 */
export async function verifyManifest(source: ManifestSource): Promise<VerifiedManifest> {
  await using stack = new AsyncDisposableStack();
  const spool = stack.use(await EntrySpool.open(source.spoolDirectory));
  const sizes = await fill(spool, source);
  const open = stack.move();
  return {
    directories: () => readSpooled(spool.entriesOf(directories)),
    filesOfPart: part => spool.entriesOf(part),
    tablespaceBytes: oid => sizes.bytesOfTablespace.get(oid) ?? 0,
    totalBytes: sizes.totalBytes,
    incrementals: () => relationPaths(spool.entriesOf(incrementals)),
    leftOut: () => readSpooled(spool.entriesOf(leftOut)),
    leavesOutOf: part => sizes.partsLeftOutOf.has(part),
    [Symbol.asyncDispose]: async () => await open.disposeAsync(),
  };
}

async function* relationPaths(entries: SpooledEntries): AsyncGenerator<string> {
  for await (const { path } of readSpooled(entries)) yield wholePath(path) ?? path;
}

interface Sizes {
  readonly totalBytes: number;
  readonly bytesOfTablespace: ReadonlyMap<number, number>;
  readonly partsLeftOutOf: ReadonlySet<number>;
}

async function fill(
  spool: EntrySpool,
  { repository, system, record, wanted, leavesOut, signal }: ManifestSource,
): Promise<Sizes> {
  const key = pieceKey(system, record.id, record.manifest);
  const partNumbers = new Set(Array.from(record.parts, ({ number }) => number));
  if (partNumbers.size < record.parts.length)
    throw new WalvaultError('damaged', `backup ${record.id}: two of its parts have one number`);
  const bytesOfTablespace = new Map<number, number>();
  const partsLeftOutOf = new Set<number>();
  const missing = new Set(wanted === undefined ? indispensable : []);
  const isWanted = wanted === undefined ? undefined : new WantedFiles(wanted, key);
  let totalBytes = 0;
  await readPiece(repository, { key, record, piece: record.manifest, signal }, async decoded => {
    for await (const entry of readManifest(decoded, record.id)) {
      if (entry.type === 'directory') {
        if (isWanted === undefined) await spool.add(directories, entry);
        continue;
      }
      if (isWanted !== undefined && !(await isWanted.has(entry.path))) continue;
      const { part = -1 } = entry;
      if (!partNumbers.has(part) || entry.backup !== undefined)
        throw new WalvaultError('damaged', `${key}: "${entry.path}" is in no part of the backup`);
      const isLeftOut = leavesOut?.(entry.path) === true;
      await spool.add(isLeftOut ? leftOut : part, entry);
      if (wholePath(entry.path) !== undefined) {
        if (record.type === 'full')
          throw new WalvaultError('damaged', `${key}: "${entry.path}" in a full backup`);
        await spool.add(incrementals, entry);
      }
      missing.delete(entry.path);
      if (isLeftOut) {
        partsLeftOutOf.add(part);
        continue;
      }
      totalBytes += entry.sizeBytes;
      const oid = tablespaceOf(entry.path);
      if (oid !== undefined) bytesOfTablespace.set(oid, (bytesOfTablespace.get(oid) ?? 0) + entry.sizeBytes);
    }
    await isWanted?.end();
    await spool.flush();
  });
  if (missing.size > 0)
    throw new WalvaultError('damaged', `${key}: the backup has no ${[...missing].join(', ')}`);
  return { totalBytes, bytesOfTablespace, partsLeftOutOf };
}

/** Takes the files of a manifest in its order, and finds those that are wanted. */
class WantedFiles {
  readonly #wanted: AsyncIterator<string>;
  readonly #manifest: string;
  #next: IteratorResult<string, unknown> | undefined;

  constructor(wanted: AsyncIterable<string>, manifest: string) {
    this.#wanted = wanted[Symbol.asyncIterator]();
    this.#manifest = manifest;
  }

  /** @throws WalvaultError `damaged` where a wanted file before this one was not there */
  async has(path: string): Promise<boolean> {
    this.#next ??= await this.#wanted.next();
    if (this.#next.done === true) return false;
    const order = comparePaths(this.#next.value, path);
    if (order < 0) throw this.#lacks(this.#next.value);
    if (order > 0) return false;
    this.#next = undefined;
    return true;
  }

  /** @throws WalvaultError `damaged` */
  async end(): Promise<void> {
    this.#next ??= await this.#wanted.next();
    if (this.#next.done !== true) throw this.#lacks(this.#next.value);
  }

  #lacks(path: string): WalvaultError {
    return new WalvaultError(
      'damaged',
      `${this.#manifest}: the backup has no "${path}", of which a later one has changed pages`,
    );
  }
}
