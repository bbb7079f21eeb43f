/** Makes written files durable side by side: a single fsync after another would wait for the disk each time. */
import type { FileHandle } from 'node:fs/promises';

const sideBySide = 8;

export class SyncQueue {
  readonly #pending = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  /** Takes the handle over: it is fsynced and closed. Waits while too many are under way. */
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

  /** All are durable, or the first failure is thrown. */
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
