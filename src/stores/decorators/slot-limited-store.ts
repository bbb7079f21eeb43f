/** A store with a limit on the number of operations at the same time. */
import type { Store } from '../store.ts';
import { followOperations, type Operation } from './operation.ts';

/**
 * At most `maxRequests` operations run in the driver at any moment; the others wait in their order. An operation gives up
 * its slot while it waits for its own caller: otherwise a caller that reads one body only after another request was
 * answered could wait for ever.
 */
export function createSlotLimitedStore(inner: Store, maxRequests: number): Store {
  const slots = new Slots(maxRequests);
  return followOperations(inner, (_, signal): Operation => ({
    signal,
    async driver(work) {
      await slots.enter(signal);
      try {
        return await work();
      } finally {
        slots.leave();
      }
    },
    async caller(next) {
      slots.leave();
      try {
        return await next();
      } finally {
        // Not interruptible, because the driver is still at work: an abort reaches it by its own signal.
        await slots.enter(undefined);
      }
    },
    end: () => undefined,
  }));
}

class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Waits for a free slot. @throws the signal's reason if it fires first */
  async enter(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const take = () => {
        signal?.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = () => {
        this.#waiting.delete(take);
        reject(signal?.reason as Error);
      };
      this.#waiting.add(take);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }

  /** Gives the slot directly to the first waiting operation, so that a later one cannot take it. */
  leave(): void {
    const [first] = this.#waiting;
    if (first === undefined) this.#free++;
    else {
      this.#waiting.delete(first);
      first();
    }
  }
}
