/**
 * A store over a simulated bucket whose requests take a time of their own: a clock that goes on when nothing else happens,
 * so that hours of latency pass in seconds and a test gets the same time on every machine.
 */
import { collect } from '../../../src/base/bytes/streams.ts';
import { streamOfBody } from '../../../src/stores/driver-kit/body.ts';
import { createCheckedStore } from '../../../src/stores/driver-kit/checked-store.ts';
import { createSlotLimitedStore } from '../../../src/stores/decorators/slot-limited-store.ts';
import { listingsBy } from '../../../src/stores/pages.ts';
import { StoreError, type ListEntry, type ListOptions, type Store } from '../../../src/stores/store.ts';
import type { ComputedObject, SimulatedBucket } from './bucket.ts';

/** The requests of a service, each page of a listing by itself. */
export interface RequestCounts {
  put: number;
  get: number;
  head: number;
  list: number;
  /** A thousand keys go in one. */
  delete: number;
}

export interface SimulatedStore {
  readonly store: Store;
  readonly requests: RequestCounts;
  /** All of them together. */
  total(): number;
  /** Forgets the requests and the time so far. */
  reset(): void;
  /** Milliseconds since the last `reset`, by the simulated clock. */
  elapsedMs(): number;
  /** The most requests that were in flight together. */
  mostAtOnce(): number;
}

export interface SimulatedStoreOptions {
  readonly latencyMs?: number;
  readonly maxRequests?: number;
}

const noRequests = { put: 0, get: 0, head: 0, list: 0, delete: 0 };
const keysInDelete = 1000;
const largestBodyBytes = 64 * 1024 ** 2;

export function createSimulatedStore(
  bucket: SimulatedBucket,
  { latencyMs = 50, maxRequests = 32 }: SimulatedStoreOptions = {},
): SimulatedStore {
  const clock = new IdleClock();
  const requests: RequestCounts = { ...noRequests };
  let [since, inFlight, most] = [0, 0, 0];
  const request = async (kind: keyof RequestCounts, count = 1): Promise<void> => {
    requests[kind] += count;
    most = Math.max(most, ++inFlight);
    await clock.pass(latencyMs);
    inFlight--;
  };
  async function* listPages({
    prefix,
    startAfter = '',
    delimiter,
    signal,
  }: ListOptions): AsyncGenerator<ListEntry[]> {
    for (let after: string | undefined = startAfter; after !== undefined;) {
      signal.throwIfAborted();
      await request('list');
      const { entries, next } = bucket.page({ prefix, after, delimiter });
      yield entries.map(entry =>
        'key' in entry ? { key: entry.key, sizeBytes: entry.sizeBytes, modified: entry.modified } : entry,
      );
      after = next;
    }
  }
  const driver: Store = {
    url: 's3://simulated/archive',
    capabilities: { conditionalCreate: 'atomic', checksumOnWrite: true, metadataLimitBytes: 2048 },
    async put(key, body, { ifAbsent, metadata = {} }) {
      await request('put');
      if (ifAbsent && bucket.find(key) !== undefined)
        throw new StoreError('exists', `put ${key}: already exists`);
      const data = await collect(streamOfBody(body), largestBodyBytes);
      bucket.put(key, { sizeBytes: data.length, modified: new Date(), body: data, metadata });
    },
    async get(key) {
      await request('get');
      const object = bucket.find(key);
      if (object === undefined) throw new StoreError('absent', `get ${key}: no such object`);
      return {
        stat: statOf(key, object),
        body: streamOfBody([object.body ?? Buffer.alloc(object.sizeBytes)]),
      };
    },
    async head(key) {
      await request('head');
      const object = bucket.find(key);
      return object && statOf(key, object);
    },
    ...listingsBy(listPages),
    async delete(keys) {
      await request('delete', Math.ceil(keys.length / keysInDelete));
      for (const key of keys) bucket.delete(key);
      return [];
    },
    close: async () => undefined,
  };
  const limited = createSlotLimitedStore(createCheckedStore(driver), maxRequests);
  return {
    store: { ...limited, capabilities: { ...limited.capabilities, requestsAtOnce: maxRequests } },
    requests,
    total: () => Object.values(requests).reduce((sum, count) => sum + count, 0),
    reset() {
      Object.assign(requests, noRequests);
      [since, most] = [clock.nowMs, 0];
    },
    elapsedMs: () => clock.nowMs - since,
    mostAtOnce: () => most,
  };
}

function statOf(key: string, { sizeBytes, modified, metadata = {} }: ComputedObject) {
  return { key, sizeBytes, modified, metadata };
}

/** A clock that jumps to the next moment for which somebody waits, once nobody does anything before it. */
class IdleClock {
  nowMs = 0;
  readonly #waiting: { readonly at: number; readonly wake: () => void }[] = [];
  #isSet = false;

  async pass(ms: number): Promise<void> {
    await new Promise<void>(wake => {
      // Each waits equally long, so they wake in the order in which they came.
      this.#waiting.push({ at: this.nowMs + ms, wake });
      this.#set();
    });
  }

  #set(): void {
    if (this.#isSet || this.#waiting.length === 0) return;
    this.#isSet = true;
    // After all that can be done without waiting.
    setImmediate(() => {
      this.#isSet = false;
      const [first] = this.#waiting;
      if (first === undefined) return;
      this.nowMs = first.at;
      while (this.#waiting[0]?.at === first.at) this.#waiting.shift()?.wake();
      this.#set();
    });
  }
}
