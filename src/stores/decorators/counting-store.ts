/** A store that counts its calls and bytes. */
import { tap } from '../../base/bytes/streams.ts';
import { isInMemory } from '../driver-kit/body.ts';
import { withMethods } from '../methods.ts';
import type { Store } from '../store.ts';
import { followOperations, type Operation } from './operation.ts';

/** The calls of one store, each attempt counted. A page of a listing or a part of an upload is not a call. */
export interface StoreCounters {
  requests: number;
  /** Requests that ended with an error, "no such object" and "already exists" included. */
  failed: number;
  /** Bytes of bodies, as the caller gave them. */
  sentBytes: number;
  receivedBytes: number;
}

export function newStoreCounters(): StoreCounters {
  return { requests: 0, failed: 0, sentBytes: 0, receivedBytes: 0 };
}

export function createCountingStore(inner: Store, counters: StoreCounters): Store {
  const counted = followOperations(inner, (_, signal) => new CountedOperation(signal, counters));
  const sent = (chunk: Uint8Array) => (counters.sentBytes += chunk.length);
  return withMethods(counted, {
    async put(key, body, options) {
      if (isInMemory(body)) for (const chunk of body) sent(chunk);
      await counted.put(key, isInMemory(body) ? body : tap(body, sent), options);
    },
    async get(key, options) {
      const { stat, body } = await counted.get(key, options);
      return { stat, body: tap(body, chunk => (counters.receivedBytes += chunk.length)) };
    },
  });
}

class CountedOperation implements Operation {
  readonly signal: AbortSignal;
  readonly #counters: StoreCounters;

  constructor(signal: AbortSignal, counters: StoreCounters) {
    this.signal = signal;
    this.#counters = counters;
    counters.requests++;
  }

  async driver<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#counters.failed++;
      throw error;
    }
  }

  caller(next: () => Promise<IteratorResult<Uint8Array>>): Promise<IteratorResult<Uint8Array>> {
    return next();
  }

  end(): void {
    // Nothing to end.
  }
}
