/** The order of the decorators over a driver. */
import type { Store } from '../store.ts';
import { createCountingStore, type StoreCounters } from './counting-store.ts';
import { createRateLimitedStore, type RateLimits } from './rate-limited-store.ts';
import { createRetryingStore } from './retrying-store.ts';
import { createSlotLimitedStore } from './slot-limited-store.ts';
import { createTimeLimitedStore } from './time-limited-store.ts';

export interface StoreLimits extends RateLimits {
  /** The most operations at the same time. */
  readonly maxRequests?: number | undefined;
  /** Counts every request. */
  readonly counters?: StoreCounters | undefined;
}

export interface DriverFacts {
  readonly timeoutMs: number | undefined;
  /** True if the driver itself notices an upload that no longer moves. */
  readonly watchesItsUploads: boolean;
  /** True if a call that hangs occupies a thread of the process until it ends. */
  readonly holdsThreads: boolean;
}

/**
 * The decorators, from the driver outwards. Counting is innermost: it sees every attempt. The time limit counts only the
 * driver's work, so it lies inside the limits that make a call wait. Retrying is outermost: its pause holds no slot.
 */
export function decorateStore(driver: Store, facts: DriverFacts, limits: StoreLimits = {}): Store {
  const { timeoutMs, watchesItsUploads, holdsThreads } = facts;
  const { maxRequests, counters, upload, download } = limits;
  let store = driver;
  if (counters !== undefined) store = createCountingStore(store, counters);
  if (timeoutMs !== undefined)
    store = createTimeLimitedStore(store, { timeoutMs, watchesPut: !watchesItsUploads, holdsThreads });
  if (maxRequests !== undefined) store = createSlotLimitedStore(store, maxRequests);
  // Files of one disk are listed by one processor, however many calls are in flight.
  if (!holdsThreads)
    store = { ...store, capabilities: { ...store.capabilities, requestsAtOnce: maxRequests } };
  if (upload !== undefined || download !== undefined)
    store = createRateLimitedStore(store, { upload, download });
  return createRetryingStore(store);
}
