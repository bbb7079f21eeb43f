/**
 * Stores an index of each part as soon as the part is durable: a later run of the same host, or of another one with its
 * secret, goes on from there if this one is interrupted.
 */
import { hostname } from 'node:os';
import { toPlainError } from '../../../base/errors/plain-error.ts';
import type { Log } from '../../../observe/events/events.ts';
import type { HostSecret } from '../../../repository/encoding/host-secret.ts';
import type { BackupPart } from '../../../repository/format/backup-record.ts';
import { createSmallObject } from '../../../repository/format/json-object.ts';
import { pageDigestsKey, partIndexKey, type SystemPath } from '../../../repository/format/layout.ts';
import type { ManifestEntry } from '../../../repository/format/manifest.ts';
import { sealPartIndex } from '../../../repository/format/part-index.ts';
import { sealPageDigests, type FileDigests } from '../../../repository/format/page-digests.ts';
import type { Destinations } from '../../../repository/sets/destinations.ts';

export interface PartIndexerOptions {
  readonly system: SystemPath;
  readonly id: string;
  readonly secret: HostSecret;
  /** Tells the keys of this run from others. */
  readonly keys: string;
  readonly destinations: Destinations;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export class PartIndexer {
  readonly #options: PartIndexerOptions;
  /** The stored sizes of the parts that have an index, by number. */
  readonly #finished = new Map<number, number>();
  #hasBegun = false;
  #hasFailed = false;

  /** @param earlier the parts of earlier attempts, which have their indexes */
  constructor(options: PartIndexerOptions, earlier: Iterable<BackupPart>) {
    this.#options = options;
    for (const { number, storedSizeBytes } of earlier) this.#finished.set(number, storedSizeBytes);
  }

  get system(): SystemPath {
    return this.#options.system;
  }

  /** The parts that a later run may go on from, as far as is known. */
  get finished(): { readonly partCount: number; readonly storedSizeBytes: number } {
    const storedSizeBytes = this.#finished.values().reduce((sum, sizeBytes) => sum + sizeBytes, 0);
    return { partCount: this.#finished.size, storedSizeBytes };
  }

  /** True once an index of a part may exist: another run may go on from it, though this one never learnt that it was stored. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** The part of an earlier attempt has changed. */
  forget({ number }: BackupPart): void {
    this.#finished.delete(number);
  }

  /**
   * Notes a part that is durable in each destination. A backup without an index is worth as much, so that a failure is a
   * warning, given once.
   * @param entries the members, in their order
   * @param digests of the pages of its relation files: stored first, so that a part with an index has them
   * @throws the reason of the signal
   */
  async note(
    part: BackupPart,
    entries: readonly ManifestEntry[],
    { digests = [] }: { readonly digests?: readonly FileDigests[] } = {},
  ): Promise<void> {
    const { system, id, secret, keys, destinations, log, signal } = this.#options;
    const sealed = await sealPartIndex({ system, id, secret }, { part, host: hostname(), keys, entries });
    if (sealed === undefined) return;
    const place = { system, id, part: part.number, secret };
    const sealedDigests = digests.length === 0 ? undefined : sealPageDigests(place, digests);
    const create = async (key: string, data: Buffer) =>
      await Promise.all(
        destinations.repositories.map(({ store }) => createSmallObject(store, key, data, signal)),
      );
    this.#hasBegun = true;
    try {
      // A part whose index somebody planted is written again: what is there does not open.
      if (sealedDigests !== undefined) await create(pageDigestsKey(system, id, part.number), sealedDigests);
      await create(partIndexKey(system, id, part.number), sealed);
      this.#finished.set(part.number, part.storedSizeBytes);
    } catch (error) {
      signal.throwIfAborted();
      if (!this.#hasFailed) log.emit({ kind: 'part-index-not-stored', failure: toPlainError(error) });
      this.#hasFailed = true;
    }
  }
}
