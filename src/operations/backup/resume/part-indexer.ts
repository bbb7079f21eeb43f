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
import { partIndexKey, type SystemPath } from '../../../repository/format/layout.ts';
import type { ManifestEntry } from '../../../repository/format/manifest.ts';
import { sealPartIndex } from '../../../repository/format/part-index.ts';
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
  #partCount = 0;
  #storedSizeBytes = 0;
  #hasFailed = false;

  constructor(options: PartIndexerOptions) {
    this.#options = options;
  }

  /** The parts that a later run may go on from. */
  get finished(): { readonly partCount: number; readonly storedSizeBytes: number } {
    return { partCount: this.#partCount, storedSizeBytes: this.#storedSizeBytes };
  }

  /** Counts a part of an earlier attempt, which has its index. */
  count({ storedSizeBytes }: BackupPart): void {
    this.#partCount++;
    this.#storedSizeBytes += storedSizeBytes;
  }

  /**
   * Notes a part that is durable in each destination. A backup without an index is worth as much, so that a failure is a
   * warning, given once.
   * @param entries the members, in their order
   * @throws the reason of the signal
   */
  async note(part: BackupPart, entries: readonly ManifestEntry[]): Promise<void> {
    const { system, id, secret, keys, destinations, log, signal } = this.#options;
    const sealed = await sealPartIndex({ system, id, secret }, { part, host: hostname(), keys, entries });
    if (sealed === undefined) return;
    const key = partIndexKey(system, id, part.number);
    try {
      // A part whose index somebody planted is written again: what is there does not open.
      await Promise.all(
        destinations.repositories.map(({ store }) => createSmallObject(store, key, sealed, signal)),
      );
      this.count(part);
    } catch (error) {
      signal.throwIfAborted();
      if (!this.#hasFailed) log.emit({ kind: 'part-index-not-stored', failure: toPlainError(error) });
      this.#hasFailed = true;
    }
  }
}
