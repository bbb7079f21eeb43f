/** The deletion of objects in batches, and the account of what is gone, what failed and what is locked. */
import { messageOf } from '../../base/errors/errors.ts';
import type { Repository } from '../../repository/repository.ts';
import type { DeleteFailure } from '../../stores/store.ts';
import type { RemovalProgress } from './removal-progress.ts';

/** As many as one request of S3 deletes. */
const batchSize = 1000;

export interface RemovedObjects {
  readonly objectCount: number;
  readonly freedBytes: number;
  /** Messages of one line; empty if all objects are gone, or locked. */
  readonly failures: readonly string[];
  /** What an object lock or a retention of the store forbids to delete; a later run does. */
  readonly locked: LockedObjects | undefined;
}

export interface LockedObjects {
  readonly objectCount: number;
  readonly firstKey: string;
  /** When the longest lock ends. */
  readonly until: Date;
}

export interface ListedObject {
  readonly key: string;
  readonly sizeBytes: number;
}

/** A failure does not stop the other deletions. */
export class ObjectRemoval {
  readonly #repository: Repository;
  readonly #progress: RemovalProgress;
  readonly #signal: AbortSignal;
  readonly #failures: string[] = [];
  #locked: LockedObjects | undefined;
  #objectCount = 0;
  #freedBytes = 0;

  constructor(repository: Repository, progress: RemovalProgress, signal: AbortSignal) {
    this.#repository = repository;
    this.#progress = progress;
    this.#signal = signal;
  }

  result(): RemovedObjects {
    return {
      objectCount: this.#objectCount,
      freedBytes: this.#freedBytes,
      failures: this.#failures,
      locked: this.#locked,
    };
  }

  /** Deletes one object that is not counted. @returns true if it is gone */
  async removeOne(key: string): Promise<boolean> {
    return (await this.#delete([key])).size === 0;
  }

  /** Deletes the listed objects in their order. @returns true if all are gone */
  async removeListed(items: AsyncIterable<ListedObject>): Promise<boolean> {
    let batch: ListedObject[] = [];
    let failedCount = 0;
    const flush = async () => {
      const failed = await this.#delete(batch.map(({ key }) => key));
      const gone = batch.filter(({ key }) => !failed.has(key));
      this.#objectCount += gone.length;
      this.#freedBytes += gone.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      failedCount += failed.size;
      this.#progress.add(batch.length);
      batch = [];
    };
    for await (const item of items) {
      batch.push(item);
      if (batch.length === batchSize) await flush();
    }
    if (batch.length > 0) await flush();
    return failedCount === 0;
  }

  /** Deletes objects that nobody misses, uncounted. A locked one waits for a later run without a word. */
  async sweep(keys: readonly string[]): Promise<void> {
    for (let index = 0; index < keys.length; index += batchSize)
      for (const failure of await this.#request(keys.slice(index, index + batchSize)))
        if (failure.error.lockedUntil === undefined) this.#fail(failure);
  }

  /** @returns the keys that could not be deleted */
  async #delete(keys: readonly string[]): Promise<Set<string>> {
    const failures = await this.#request(keys);
    for (const failure of failures)
      if (failure.error.lockedUntil === undefined) this.#fail(failure);
      else this.#countLocked(failure.key, failure.error.lockedUntil);
    return new Set(failures.map(({ key }) => key));
  }

  #request(keys: readonly string[]): Promise<readonly DeleteFailure[]> {
    return this.#repository.store.delete(keys, { signal: this.#signal });
  }

  #fail({ key, error }: DeleteFailure): void {
    this.#failures.push(`${this.#repository.store.url}: ${key}: ${messageOf(error)}`);
  }

  /** All locked objects together: a lock that is longer than the policy would otherwise fill the log. */
  #countLocked(key: string, until: Date): void {
    const {
      objectCount,
      firstKey,
      until: longest,
    } = this.#locked ?? { objectCount: 0, firstKey: key, until };
    this.#locked = { objectCount: objectCount + 1, firstKey, until: until > longest ? until : longest };
  }
}
