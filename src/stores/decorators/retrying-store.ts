/** A store that repeats what failed for reasons of the moment. Everything else about it is the inner store's. */
import { isInMemory } from '../body.ts';
import { defaultRetryLimits, retryTransient, type RetryLimits } from '../retry.ts';
import { StoreError, type ListEntry, type ListOptions, type Store } from '../store.ts';

/**
 * Repeats after `unreachable` and `throttled`, within `limits` and the caller's signal. A stream body cannot be read
 * twice, so its put is not repeated here. A repeated conditional put may meet the object that its own lost first
 * request has made: that surfaces as `exists`, and the write id in the metadata tells. The body of a `get` that breaks
 * off is the reader's to repeat.
 */
export function createRetryingStore(inner: Store, limits: RetryLimits = defaultRetryLimits): Store {
  const makeDurable = inner.makeDurable?.bind(inner);
  const refusesWrongChecksum = inner.refusesWrongChecksum?.bind(inner);
  return {
    url: inner.url,
    capabilities: inner.capabilities,
    put: (key, body, options) =>
      isInMemory(body)
        ? retryTransient(() => inner.put(key, body, options), options.signal, limits)
        : inner.put(key, body, options),
    get: (key, options) => retryTransient(() => inner.get(key, options), options.signal, limits),
    head: (key, options) => retryTransient(() => inner.head(key, options), options.signal, limits),
    list: options => listRetrying(inner, options, limits),
    delete: (keys, options) => retryTransient(() => inner.delete(keys, options), options.signal, limits),
    ...(makeDurable && {
      makeDurable: (key, options) => retryTransient(() => makeDurable(key, options), options.signal, limits),
    }),
    ...(refusesWrongChecksum && {
      refusesWrongChecksum: (key, options) =>
        retryTransient(() => refusesWrongChecksum(key, options), options.signal, limits),
    }),
    close: () => inner.close(),
  };
}

/** A listing that breaks goes on after the last entry it gave; each entry resets the count of attempts. */
async function* listRetrying(
  inner: Store,
  options: ListOptions,
  limits: RetryLimits,
): AsyncGenerator<ListEntry> {
  let last = options.startAfter;
  const start = () => inner.list({ ...options, startAfter: last })[Symbol.asyncIterator]();
  let entries = start();
  try {
    for (;;) {
      const next = await retryTransient(
        async () => {
          try {
            return await entries.next();
          } catch (error) {
            // A generator that threw is finished: whoever asks it again would see a clean end.
            if (error instanceof StoreError && error.retry) entries = start();
            throw error;
          }
        },
        options.signal,
        limits,
      );
      if (next.done === true) return;
      last = 'key' in next.value ? next.value.key : next.value.prefix;
      yield next.value;
    }
  } finally {
    await entries.return?.();
  }
}
