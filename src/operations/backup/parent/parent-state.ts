/**
 * The digests of all pages of the parent backup, in a temporary file: a terabyte has a gigabyte of them (P9).
 *
 * They are gathered from the full backup down to the parent, each of which has digests of what it stored itself. What this host
 * needs of them it opens with its own secret (P7).
 */
import { objectBounds } from '../../../base/bounds.ts';
import { hashBytes } from '../../../base/checksum/highway-hash.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { sealBytes, type HostSecret } from '../../../repository/encoding/host-secret.ts';
import type { BackupRecord } from '../../../repository/format/backup-record.ts';
import { readSmallObject } from '../../../repository/format/json-object.ts';
import { pageDigestsKey, type SystemPath } from '../../../repository/format/layout.ts';
import { openPageDigests, type FileDigests } from '../../../repository/format/page-digests.ts';
import type { Repository } from '../../../repository/repository.ts';
import { Spool } from '../collect/spool.ts';
import type { ParentPages } from '../part/backup-entry.ts';
import { PathTable } from '../resume/path-table.ts';

export interface ParentSource {
  readonly repository: Repository;
  readonly system: SystemPath;
  readonly secret: HostSecret;
  /** The full backup first, the parent last. */
  readonly lineage: readonly BackupRecord[];
  readonly signal: AbortSignal;
}

/** What is known of a relation file. */
interface Place {
  /** Where the path lies, and behind it the digests. */
  readonly position: number;
  readonly pathBytes: number;
  readonly pageCount: number;
  /** The number of the last backup that has the file, from 0. */
  readonly generation: number;
}

/** A cluster has few files more than its largest backup had. One that finds no room is copied whole. */
const roomFor = (fileCount: number) => Math.min(mostFiles, Math.ceil(fileCount * 1.25) + 1000);

/** They take 600 MB of memory. */
const mostFiles = 16 * 1024 ** 2;

export class ParentState implements AsyncDisposable {
  readonly #spool: Spool;
  readonly #table: PathTable;
  /** Of each file, by its number: a million objects would take five times as much. */
  readonly #positions: Float64Array;
  readonly #pathBytes: Uint16Array;
  readonly #pageCounts: Uint32Array;
  readonly #generations: Uint8Array;
  #count = 0;
  #generation = 0;

  private constructor(spool: Spool, mostFiles: number) {
    this.#spool = spool;
    this.#table = new PathTable(mostFiles);
    this.#positions = new Float64Array(mostFiles);
    this.#pathBytes = new Uint16Array(mostFiles);
    this.#pageCounts = new Uint32Array(mostFiles);
    this.#generations = new Uint8Array(mostFiles);
  }

  /** @throws StoreError; WalvaultError `damaged` where digests are missing or do not open, `local-io` */
  static async read(source: ParentSource): Promise<ParentState> {
    const { lineage } = source;
    const spool = await Spool.create();
    try {
      const state = new ParentState(spool, roomFor(Math.max(...lineage.map(({ fileCount }) => fileCount))));
      for (const [generation, record] of lineage.entries()) {
        state.#generation = generation;
        for await (const files of digestsOf(record, source)) for (const file of files) await state.#add(file);
      }
      return state;
    } catch (error) {
      await spool[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The pages that the parent has of a relation file; undefined if it has none. */
  async pagesOf(path: string): Promise<ParentPages | undefined> {
    const number = await this.#numberOf(path);
    if (number === undefined) return undefined;
    const { position, pathBytes, pageCount, generation } = this.#placeAt(number);
    if (generation !== this.#generation) return undefined;
    return { fd: this.#spool.fd, position: position + pathBytes, pageCount };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#spool[Symbol.asyncDispose]();
  }

  async #add(file: FileDigests): Promise<void> {
    const number = await this.#numberOf(file.path);
    const digests = file.pages === undefined ? file.digests : await this.#patched(file, number);
    const place = number ?? this.#count;
    if (place === this.#positions.length) return;
    const path = Buffer.from(file.path);
    this.#positions[place] = this.#spool.sizeBytes;
    this.#pathBytes[place] = path.length;
    this.#pageCounts[place] = file.pageCount;
    this.#generations[place] = this.#generation;
    await this.#spool.append(path);
    await this.#spool.append(digests);
    if (number === undefined) this.#table.add(file.path, this.#count++);
  }

  /** What an incremental backup has of a file, over what its parent has. */
  async #patched(
    { path, pageCount, pages = new Uint32Array(), digests }: FileDigests,
    number: number | undefined,
  ) {
    const place = number === undefined ? undefined : this.#placeAt(number);
    if (place?.generation !== this.#generation - 1) throw damaged(`name "${path}", which its parent has not`);
    const before = await this.#readAt(place.position + place.pathBytes, place.pageCount * hashBytes);
    const patched = Buffer.alloc(pageCount * hashBytes);
    before.copy(patched);
    for (const [index, page] of pages.entries())
      patched.set(digests.subarray(index * hashBytes, (index + 1) * hashBytes), page * hashBytes);
    return patched;
  }

  /** The table knows paths by a short digest only, so the path itself is compared. */
  async #numberOf(path: string): Promise<number | undefined> {
    const number = this.#table.get(path);
    if (number === undefined) return undefined;
    const { position, pathBytes } = this.#placeAt(number);
    const stored = await this.#readAt(position, pathBytes);
    return stored.toString('utf8') === path ? number : undefined;
  }

  #placeAt(number: number): Place {
    return {
      position: this.#positions[number] ?? 0,
      pathBytes: this.#pathBytes[number] ?? 0,
      pageCount: this.#pageCounts[number] ?? 0,
      generation: this.#generations[number] ?? 0,
    };
  }

  async #readAt(position: number, sizeBytes: number): Promise<Buffer> {
    return Buffer.concat(await Array.fromAsync(this.#spool.read(position, position + sizeBytes)));
  }
}

async function* digestsOf(
  { id, parts }: BackupRecord,
  { repository, system, secret, signal }: ParentSource,
): AsyncGenerator<FileDigests[]> {
  const limitBytes = objectBounds.pageDigests.limitBytes + sealBytes;
  for (const { number } of parts) {
    const key = pageDigestsKey(system, id, number);
    const sealed = await readSmallObject(repository.store, key, {
      ...objectBounds.pageDigests,
      limitBytes,
      signal,
    });
    // A part without relation files has none.
    if (sealed === undefined) continue;
    const files = openPageDigests({ system, id, part: number, secret }, sealed);
    if (files === undefined) throw damaged(`of ${id} do not open with this host's secret`);
    yield files;
  }
}

function damaged(what: string): WalvaultError {
  return new WalvaultError('damaged', `the page digests ${what}`);
}
