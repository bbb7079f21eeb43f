/** The stored pieces of one backup, parts and manifest, as they come into being. */
import { sleep } from '../../base/time/wait.ts';
import type { ByteStream } from '../../base/bytes/streams.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import type { BackupPart, StoredPiece } from '../../repository/format/backup-record.ts';
import { backupPrefix, manifestKey, partKey, type SystemPath } from '../../repository/format/layout.ts';
import type { Destinations } from './destinations.ts';
import type { Log } from '../../observe/events/events.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';

const attemptsLimit = 4;
const firstPauseMs = 1000;

export interface PiecesOptions {
  readonly destinations: Destinations;
  readonly system: SystemPath;
  readonly id: string;
  /** `.zst.pgp` and the like. */
  readonly suffix: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Writes pieces and remembers the parts. A store that fails for a moment does not cost hours of backup: the piece is
 * made again from the files as they are then. It gets a number of its own, because repositories that have taken the
 * first one whole hold other bytes; numbers of parts may have holes.
 */
export class Pieces {
  readonly parts: BackupPart[] = [];
  readonly #options: PiecesOptions;
  #nextPart = 1;

  constructor(options: PiecesOptions) {
    this.#options = options;
  }

  /** `make` is called again for each attempt; what it returned the last time is returned. */
  async writePart<T>(
    make: (part: number) => { readonly stream: ByteStream; readonly content: T },
  ): Promise<T> {
    const { system, id, suffix } = this.#options;
    return this.#retry(async () => {
      const number = this.#nextPart++;
      const { stream, content } = make(number);
      const piece = await this.#write(partKey(system, id, number, suffix), stream);
      this.parts.push({ number, ...piece });
      return content;
    });
  }

  async writeManifest(make: () => ByteStream): Promise<StoredPiece> {
    const { system, id, suffix } = this.#options;
    return this.#retry(() => this.#write(manifestKey(system, id, suffix), make()));
  }

  async #write(key: string, stream: ByteStream): Promise<StoredPiece> {
    const { destinations, system, id, signal } = this.#options;
    try {
      const { sizeBytes, sha256 } = await destinations.write(key, stream, signal);
      const name = key.slice(backupPrefix(system, id).length);
      return { name, storedSizeBytes: sizeBytes, storedSha256: sha256 };
    } catch (error) {
      if (!signal.aborted) await this.#remove(key);
      throw error;
    }
  }

  async #retry<T>(work: () => Promise<T>): Promise<T> {
    const { log, signal } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        const isRetryable = error instanceof WalvaultError && error.retry;
        if (signal.aborted || !isRetryable || attempt === attemptsLimit) throw error;
        log.emit({ kind: 'piece-made-again', failure: toPlainError(error) });
        await sleep(firstPauseMs * 4 ** (attempt - 1), signal);
      }
    }
  }

  /** What one repository took while another failed. If it stays, no record names it. */
  async #remove(key: string): Promise<void> {
    const { destinations, signal } = this.#options;
    await Promise.allSettled(destinations.repositories.map(({ store }) => store.delete([key], { signal })));
  }
}
