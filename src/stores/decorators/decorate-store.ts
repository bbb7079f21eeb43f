/** The order in which decorators lie over a driver, in one place. */
import type { Store } from '../store.ts';
import { createCountingStore, type StoreCounters } from './counting-store.ts';
import { createRateLimitedStore, type RateLimits } from './rate-limited-store.ts';
import { createRetryingStore } from './retrying-store.ts';
import { createSlotLimitedStore } from './slot-limited-store.ts';
import { createTimeLimitedStore } from './time-limited-store.ts';

export interface StoreLimits extends RateLimits {
  /** Operations in flight. */
  readonly maxRequests?: number | undefined;
  /** Counted into from the first request on. */
  readonly counters?: StoreCounters | undefined;
}

export interface DriverFacts {
  readonly timeoutMs: number | undefined;
  /** The driver sees by itself when an upload no longer moves. */
  readonly watchesItsUploads: boolean;
  /** A call that hangs occupies a thread of the process until it ends. */
  readonly holdsThreads: boolean;
}

/**
 * From the driver outwards: every attempt is counted; the clock runs only while the driver works, so it lies inside
 * of what makes a call wait; a pause before a repetition occupies nothing, so that repeating lies outermost.
 */
export function decorateStore(driver: Store, facts: DriverFacts, limits: StoreLimits = {}): Store {
  const { timeoutMs, watchesItsUploads, holdsThreads } = facts;
  const { maxRequests, counters, upload, download } = limits;
  let store = driver;
  if (counters !== undefined) store = createCountingStore(store, counters);
  if (timeoutMs !== undefined)
    store = createTimeLimitedStore(store, { timeoutMs, watchesPut: !watchesItsUploads, holdsThreads });
  if (maxRequests !== undefined) store = createSlotLimitedStore(store, maxRequests);
  if (upload !== undefined || download !== undefined)
    store = createRateLimitedStore(store, { upload, download });
  return createRetryingStore(store);
}
