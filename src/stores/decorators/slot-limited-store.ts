/** A store that does only so much at once, whoever asks. */
import type { Store } from '../store.ts';
import { followOperations, type Operation } from './operation.ts';

/**
 * At most `maxRequests` operations are in the driver's hands at any moment; the others wait in the order they came.
 * An operation gives up its place while it waits for its own caller, so that a body that is read only after another
 * request has been answered cannot lock both.
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
        // No way out while the driver counts as at work: an abort reaches it by its own signal.
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

  /** @throws the signal's reason when it fires before there is a place */
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

  /** The place goes to the first in line directly, so that nobody who comes later takes it. */
  leave(): void {
    const [first] = this.#waiting;
    if (first === undefined) this.#free++;
    else {
      this.#waiting.delete(first);
      first();
    }
  }
}
