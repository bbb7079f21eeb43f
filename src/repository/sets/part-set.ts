/**
 * One set of parts in several repositories, which exists only once its commit record exists (P4).
 *
 * A claim reserves its id, then parts and manifest are written to all repositories at the same time, and the record
 * is written last. Pieces without a record are not a set.
 */
import { tap, type ByteStream } from '../../base/bytes/streams.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { startDeadline } from '../../base/time/deadline.ts';
import { retryUntilDeadline } from '../../base/time/retry.ts';
import { sleep } from '../../base/time/wait.ts';
import type { BackupPart, StoredPiece } from '../format/backup-record.ts';
import type { Digest } from '../../pipeline/digest.ts';
import type { Repository } from '../repository.ts';
import type { Destinations } from './destinations.ts';
import { discardSet, discardUnused, type SetPlace } from './discard.ts';

export interface SetLayout extends SetPlace {
  readonly manifestKey: string;
  /** The number of the first part; default 1. */
  readonly firstPart?: number;
  partKey(part: number): string;
}

export interface PartPlace {
  readonly number: number;
  readonly key: string;
}

export interface PieceSizes {
  readonly stored: Digest;
  readonly plainSizeBytes: number;
}

export interface PlacedPart<T> extends PieceSizes {
  readonly content: T;
}

export interface PartSetOptions {
  readonly layout: SetLayout;
  readonly destinations: Destinations;
  /** Called when a piece could not be stored and is made again. */
  readonly onRetry: (error: unknown) => void;
  /** Called when pieces without a commit record could not be removed. */
  readonly onLeftBehind: (repository: Repository, error: unknown) => void;
  readonly signal: AbortSignal;
}

const attemptsLimit = 4;
const firstPauseMs = 1000;
const commitTimeoutMs = 60_000;
/** The time limits of a removal; after a signal the process does not live much longer than the short limit. */
const [discardTimeoutMs, hastyDiscardTimeoutMs] = [60_000, 1000];

export class PartSet {
  readonly destinations: Destinations;
  readonly #parts: BackupPart[] = [];
  readonly #options: PartSetOptions;
  readonly #committing = new Set<Repository>();
  #nextPart: number;

  constructor(options: PartSetOptions) {
    this.destinations = options.destinations;
    this.#options = options;
    this.#nextPart = options.layout.firstPart ?? 1;
  }

  /** Takes a part that is durable in each destination already. */
  adopt(part: BackupPart): void {
    this.#parts.push(part);
  }

  /**
   * Writes a part, with retries: a short failure of a store must not cost hours of work. `make` is called for each
   * attempt, and its last result is returned. Each attempt has a part number of its own, because a repository may
   * hold the whole part of an earlier attempt, with other bytes.
   */
  async writePart<T>(
    make: (part: number) => { readonly stream: ByteStream; readonly content: T },
  ): Promise<T> {
    return this.placePart(async ({ number, key }) => {
      const { stream, content } = make(number);
      return { ...(await this.#encode(key, stream)), content };
    });
  }

  /**
   * Has a part written to the destinations by `write`, which may do so in another thread, with the retries and numbers of
   * `writePart`. Several parts may be placed at the same time.
   * @param signal ends the retries of this part
   */
  async placePart<T>(
    write: (place: PartPlace) => Promise<PlacedPart<T>>,
    signal = this.#options.signal,
  ): Promise<T> {
    return this.#retry(async () => {
      const number = this.#nextPart++;
      const key = this.#options.layout.partKey(number);
      const { content, ...sizes } = await this.#write(key, () => write({ number, key }));
      this.#parts.push({ number, ...this.pieceOf(key, sizes) });
      return content;
    }, signal);
  }

  /** The stored parts, in the order of their numbers. Numbers may have gaps. */
  get parts(): readonly BackupPart[] {
    return this.#parts.toSorted((a, b) => a.number - b.number);
  }

  async writeManifest(make: () => ByteStream): Promise<StoredPiece> {
    return this.writePiece(this.#options.layout.manifestKey, make);
  }

  /** An object of the set as its commit record names it. */
  pieceOf(key: string, { stored, plainSizeBytes }: PieceSizes): StoredPiece {
    return {
      name: key.slice(this.#options.layout.prefix.length),
      storedSizeBytes: stored.sizeBytes,
      storedSha256: stored.sha256,
      plainSizeBytes,
    };
  }

  /** Writes a piece under a key of the set, with retries; `make` is called for each attempt. */
  async writePiece(key: string, make: () => ByteStream): Promise<StoredPiece> {
    return this.#retry(async () =>
      this.pieceOf(key, await this.#write(key, () => this.#encode(key, make()))),
    );
  }

  /**
   * Writes the commit record in each repository. From the first attempt on, the pieces in that repository are never
   * discarded: after a lost response the record may exist, and a record without its parts would be false (P4).
   * @throws WalvaultError `conflict` where another writer goes on with the set
   */
  async commit(write: (repository: Repository, signal: AbortSignal) => Promise<void>): Promise<void> {
    const { layout, signal } = this.#options;
    await this.destinations.inEach(async repository => {
      const what = `commit ${layout.what} in repository "${repository.name}"`;
      const deadline = startDeadline(commitTimeoutMs, what, signal);
      try {
        await retryUntilDeadline(async () => {
          const isAlone = (await layout.sharing?.claimAlone(repository, deadline.signal)) ?? true;
          if (!isAlone) throw takenOver(repository, layout.what);
          this.#committing.add(repository);
          await write(repository, deadline.signal);
        }, deadline);
      } finally {
        deadline.clear();
      }
    });
  }

  /** True once a commit record may exist. */
  get isCommitting(): boolean {
    return this.#committing.size > 0;
  }

  /** Removes the pieces in repositories that were left out, unless another writer relies on them. Never throws. */
  async discardLeftOut(): Promise<void> {
    await this.#discard(this.destinations.dropped);
  }

  /**
   * Removes all pieces, except in repositories where a commit record may exist, or another writer relies on them. Never
   * throws. @returns the repositories where a record may exist
   */
  async discardUncommitted(): Promise<readonly Repository[]> {
    await this.#discard(this.destinations.touched.filter(repository => !this.#committing.has(repository)));
    return [...this.#committing];
  }

  /** Removes what earlier attempts have left and the commit record does not name. Never throws. */
  async discardUnused(isUsed: (name: string) => boolean): Promise<void> {
    await this.#discard(this.destinations.repositories, isUsed);
  }

  async #encode(key: string, stream: ByteStream): Promise<PieceSizes> {
    let plainSizeBytes = 0;
    const counted = tap(stream, chunk => (plainSizeBytes += chunk.length));
    const stored = await this.destinations.write(key, counted, { signal: this.#options.signal });
    return { stored, plainSizeBytes };
  }

  async #write<T>(key: string, write: () => Promise<T>): Promise<T> {
    const { signal } = this.#options;
    try {
      return await write();
    } catch (error) {
      this.destinations.noteFailure(error);
      if (!signal.aborted) await this.#remove(key);
      throw error;
    }
  }

  async #retry<T>(work: () => Promise<T>, signal = this.#options.signal): Promise<T> {
    const { onRetry } = this.#options;
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

  /**
   * Removes a piece that some repositories have stored while another failed. If the piece stays, no record names it.
   */
  async #remove(key: string): Promise<void> {
    const { signal } = this.#options;
    await Promise.allSettled(
      this.destinations.repositories.map(({ store }) => store.delete([key], { signal })),
    );
  }

  async #discard(repositories: readonly Repository[], isKept?: (name: string) => boolean): Promise<void> {
    const { layout, onLeftBehind, signal } = this.#options;
    const timeoutMs = signal.aborted ? hastyDiscardTimeoutMs : discardTimeoutMs;
    await Promise.all(
      repositories.map(async repository => {
        try {
          if (isKept === undefined) await discardSet(repository, layout, timeoutMs);
          else await discardUnused(repository, layout, { isKept, timeoutMs });
        } catch (error) {
          onLeftBehind(repository, error);
        }
      }),
    );
  }
}

function takenOver({ name }: Repository, what: string): WalvaultError {
  return new WalvaultError('conflict', `repository "${name}": another run has gone on with ${what}`, {
    hint: 'It has the parts that this run has finished. Wait for its end; if it fails, the next run goes on from all of them.',
  });
}
