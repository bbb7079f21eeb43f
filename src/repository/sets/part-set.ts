/**
 * One set of parts in several repositories, which exists only once its commit record does (P4): a claim takes its place,
 * parts and manifest are written side by side, the record is written last. Whatever is left without it is no set.
 */
import type { ByteStream } from '../../base/bytes/streams.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { startDeadline } from '../../base/time/deadline.ts';
import { retryUntilDeadline } from '../../base/time/retry.ts';
import { sleep } from '../../base/time/wait.ts';
import type { BackupPart, StoredPiece } from '../format/backup-record.ts';
import type { Repository } from '../repository.ts';
import type { Destinations } from './destinations.ts';
import { discardSet, type SetPlace } from './discard.ts';

export interface SetLayout extends SetPlace {
  readonly manifestKey: string;
  partKey(part: number): string;
}

export interface PartSetOptions {
  readonly layout: SetLayout;
  readonly destinations: Destinations;
  /** Is told that a piece was not stored and is made again. */
  readonly onRetry: (error: unknown) => void;
  /** Is told that pieces which are no set could not be removed. */
  readonly onLeftBehind: (repository: Repository, error: unknown) => void;
  readonly signal: AbortSignal;
}

const attemptsLimit = 4;
const firstPauseMs = 1000;
const commitTimeoutMs = 60_000;
/** After a signal the process does not live much longer than the hasty one. */
const [discardTimeoutMs, hastyDiscardTimeoutMs] = [60_000, 1000];

export class PartSet {
  readonly destinations: Destinations;
  /** Those that are stored, in the order of their numbers. Numbers may have holes. */
  readonly parts: BackupPart[] = [];
  readonly #options: PartSetOptions;
  readonly #committing = new Set<Repository>();
  #nextPart = 1;

  constructor(options: PartSetOptions) {
    this.destinations = options.destinations;
    this.#options = options;
  }

  /**
   * A store that fails for a moment does not cost hours of work: `make` is called again for each attempt, and what it
   * returned the last time is returned. Each attempt has a number of its own, because repositories that have taken the
   * part whole hold other bytes.
   */
  async writePart<T>(
    make: (part: number) => { readonly stream: ByteStream; readonly content: T },
  ): Promise<T> {
    return this.#retry(async () => {
      const number = this.#nextPart++;
      const { stream, content } = make(number);
      const piece = await this.#write(this.#options.layout.partKey(number), stream);
      this.parts.push({ number, ...piece });
      return content;
    });
  }

  async writeManifest(make: () => ByteStream): Promise<StoredPiece> {
    return this.#retry(() => this.#write(this.#options.layout.manifestKey, make()));
  }

  /**
   * Writes the commit record in each repository. From the first attempt on the pieces there are never discarded: an
   * answer that was lost is not a record that was not written, and a record without its parts would be a lie (P4).
   */
  async commit(write: (repository: Repository, signal: AbortSignal) => Promise<void>): Promise<void> {
    const { layout, signal } = this.#options;
    await this.destinations.inEach(async repository => {
      const what = `commit ${layout.what} in repository "${repository.name}"`;
      const deadline = startDeadline(commitTimeoutMs, what, signal);
      try {
        this.#committing.add(repository);
        await retryUntilDeadline(() => write(repository, deadline.signal), deadline);
      } finally {
        deadline.clear();
      }
    });
  }

  /** Removes what lies in repositories that were left out on the way. Never throws. */
  async discardLeftOut(): Promise<void> {
    await this.#discard(this.destinations.dropped);
  }

  /** Removes all that may not be part of a committed set. Never throws. @returns where a commit record may exist */
  async discardUncommitted(): Promise<readonly Repository[]> {
    await this.#discard(this.destinations.touched.filter(repository => !this.#committing.has(repository)));
    return [...this.#committing];
  }

  async #write(key: string, stream: ByteStream): Promise<StoredPiece> {
    const { layout, signal } = this.#options;
    try {
      const { sizeBytes, sha256 } = await this.destinations.write(key, stream, signal);
      return {
        name: key.slice(layout.prefix.length),
        storedSizeBytes: sizeBytes,
        storedSha256: sha256,
      };
    } catch (error) {
      if (!signal.aborted) await this.#remove(key);
      throw error;
    }
  }

  async #retry<T>(work: () => Promise<T>): Promise<T> {
    const { onRetry, signal } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        const isRetryable = error instanceof WalvaultError && error.retry;
        if (signal.aborted || !isRetryable || attempt === attemptsLimit) throw error;
        onRetry(error);
        await sleep(firstPauseMs * 4 ** (attempt - 1), signal);
      }
    }
  }

  /** Some repositories may have taken the piece while another failed. If it stays, no record names it. */
  async #remove(key: string): Promise<void> {
    const { signal } = this.#options;
    await Promise.allSettled(
      this.destinations.repositories.map(({ store }) => store.delete([key], { signal })),
    );
  }

  async #discard(repositories: readonly Repository[]): Promise<void> {
    const { layout, onLeftBehind, signal } = this.#options;
    const timeoutMs = signal.aborted ? hastyDiscardTimeoutMs : discardTimeoutMs;
    await Promise.all(
      repositories.map(async repository => {
        try {
          await discardSet(repository, layout, timeoutMs);
        } catch (error) {
          onLeftBehind(repository, error);
        }
      }),
    );
  }
}
