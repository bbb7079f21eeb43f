/** A queue that calls fsync on several written files at once: one after another, each would wait for the disk. */
import type { FileHandle } from 'node:fs/promises';

const sideBySide = 8;

export class SyncQueue {
  readonly #pending = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  /** Takes the handle over: the queue calls fsync and closes it. Waits while the queue is full. */
  async add(handle: FileHandle): Promise<void> {
    const work = syncAndClose(handle)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#pending.delete(work));
    this.#pending.add(work);
    if (this.#pending.size >= sideBySide) await Promise.race(this.#pending);
    this.#throwFailure();
  }

  /** Returns when all files are durable, or throws the first failure. */
  async drain(): Promise<void> {
    await Promise.all(this.#pending);
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

async function syncAndClose(handle: FileHandle): Promise<void> {
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
