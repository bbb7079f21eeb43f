/**
 * What a manifest has in each directory of this host, so that everything else can be told from it. Only the names of one directory are in
 * memory at a time (P9).
 */
import { dirname, join } from 'node:path';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { wholePath } from '../../../postgres/cluster/incremental/file-name.ts';
import { EntrySpool, readSpooled } from '../../../repository/backup/entry-spool.ts';
import type { VerifiedManifest } from '../../../repository/backup/manifest-spool.ts';
import type { BackupRecord } from '../../../repository/format/backup-record.ts';
import { manifestName, tablespaceOf, type ManifestEntry } from '../../../repository/format/manifest.ts';
import { placeOf, type Places } from '../places.ts';
import { isVersionDirectory } from './existing.ts';

export interface ListedPathsOptions {
  readonly record: BackupRecord;
  readonly manifest: VerifiedManifest;
  readonly places: Places;
  /** Directories of tablespaces inside the data directory: the manifest has their files under `pg_tblspc`. */
  readonly inside: readonly string[];
  readonly spoolDirectory: string;
}

export class ListedPaths implements AsyncDisposable {
  readonly #spool: EntrySpool;
  /** The number of each directory, by its absolute path. */
  readonly #numbers = new Map<string, number>();
  readonly #children = new Map<string, string[]>();
  readonly #roots: ReadonlySet<string>;
  readonly #versionDirectories = new Set<string>();

  private constructor(spool: EntrySpool, roots: ReadonlySet<string>) {
    this.#spool = spool;
    this.#roots = roots;
  }

  /** @throws WalvaultError `damaged` for a file in a tablespace that PostgreSQL does not make there */
  static async read(options: ListedPathsOptions): Promise<ListedPaths> {
    const { record, manifest, places } = options;
    const spool = await EntrySpool.open(options.spoolDirectory);
    const roots = [places.dataDirectory, ...places.tablespaces.map(({ directory }) => directory)];
    const listed = new ListedPaths(spool, new Set(roots));
    try {
      listed.#addDirectory(places.dataDirectory);
      for (const path of options.inside) listed.#addDirectory(path);
      for await (const entry of manifest.directories()) {
        const place = listed.#placeOf(entry, options);
        if (place !== undefined) listed.#addDirectory(place);
      }
      for (const { number } of record.parts)
        for await (const entry of readSpooled(manifest.filesOfPart(number)))
          await listed.#addFile(entry, options);
      await spool.flush();
      return listed;
    } catch (error) {
      await spool[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** In each tablespace outside the data directory the only directory that is this cluster's. */
  get versionDirectories(): Iterable<string> {
    return this.#versionDirectories;
  }

  /** What is to be in a directory, by name. */
  async contentOf(directory: string): Promise<ReadonlyMap<string, 'file' | 'directory'>> {
    const content = new Map<string, 'file' | 'directory'>();
    for (const name of this.#children.get(directory) ?? []) content.set(name, 'directory');
    const number = this.#numbers.get(directory);
    if (number !== undefined)
      for await (const { path } of readSpooled(this.#spool.entriesOf(number))) content.set(path, 'file');
    return content;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#spool[Symbol.asyncDispose]();
  }

  async #addFile(entry: ManifestEntry, options: ListedPathsOptions): Promise<void> {
    const path = wholePath(entry.path) ?? entry.path;
    const place = this.#placeOf({ ...entry, path }, options);
    if (place === undefined) return;
    const directory = dirname(place);
    this.#addDirectory(directory);
    const number = this.#numbers.get(directory) ?? 0;
    await this.#spool.add(number, { ...entry, path: place.slice(directory.length + 1) });
  }

  #placeOf(
    { path }: Pick<ManifestEntry, 'path'>,
    { places, record, inside }: ListedPathsOptions,
  ): string | undefined {
    const place = placeOf(path, places);
    const oid = tablespaceOf(path);
    const tablespace = places.tablespaces.find(one => one.oid === oid);
    if (place === undefined || tablespace === undefined || inside.includes(tablespace.directory))
      return place;
    const [, , version = ''] = path.split('/');
    if (!isVersionDirectory(version, Math.floor(record.serverVersion / 10_000)))
      throw new WalvaultError('damaged', `${manifestName}: "${path}" is no path in a tablespace`);
    this.#versionDirectories.add(join(tablespace.directory, version));
    return place;
  }

  /** The directories above it are listed, too. */
  #addDirectory(path: string): void {
    if (this.#numbers.has(path)) return;
    this.#numbers.set(path, this.#numbers.size);
    if (this.#roots.has(path) && !this.#isInsideAnother(path)) return;
    const parent = dirname(path);
    this.#addDirectory(parent);
    const siblings = this.#children.get(parent) ?? [];
    this.#children.set(parent, siblings);
    siblings.push(path.slice(parent.length + 1));
  }

  /** True for the directory of a tablespace inside the data directory. */
  #isInsideAnother(path: string): boolean {
    return [...this.#roots].some(root => path.startsWith(`${root}/`));
  }
}
