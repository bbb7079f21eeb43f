/** Has the next directories of a long listing looked into while those before them are handed on. */
import type { HeldDirectory } from './held-directory.ts';
import type { Found } from './look-program.ts';
import type { LookThreads } from './look-threads.ts';

/** Looks into directories below one that is held. */
export class LookAhead implements AsyncDisposable {
  readonly #held: HeldDirectory;
  readonly #threads: LookThreads;
  /**
   * In the order of the listing. Not in a map: V8 keeps what the former tables of a map held until its next full
   * collection, and here that is most of the listing.
   */
  readonly #begun: Promise<Found | undefined>[] = [];

  constructor(held: HeldDirectory, threads: LookThreads) {
    this.#held = held;
    this.#threads = threads;
  }

  /**
   * What `LookThreads.look` finds in the first of these directories. The others are the next ones: the caller asks for
   * each of them, in this order.
   */
  async look(names: readonly string[]): Promise<Found | undefined> {
    for (const name of names.slice(this.#begun.length))
      this.#begun.push(this.#threads.look(this.#held, name));
    return await this.#begun.shift();
  }

  /** When nothing is looked at any more: the directory above may be closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#begun);
  }
}
