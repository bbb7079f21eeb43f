/** A store that repeats what failed for reasons of the moment. Everything else about it is the inner store's. */
import { isInMemory } from '../driver-kit/body.ts';
import { defaultRetryLimits, Pace, retryTransient, type RetryLimits } from '../driver-kit/retry.ts';
import { wrapStore } from '../methods.ts';
import { StoreError, type ListEntry, type ListOptions, type Store } from '../store.ts';

/**
 * Repeats after `unreachable` and `throttled`, within `limits` and the caller's signal; a throttled call makes all
 * others to this store wait too. A stream body cannot be read
 * twice, so its put is not repeated here. A repeated conditional put may meet the object that its own lost first
 * request has made: that surfaces as `exists`, and the write id in the metadata tells. The body of a `get` that breaks
 * off is the reader's to repeat.
 */
export function createRetryingStore(inner: Store, limits: RetryLimits = defaultRetryLimits): Store {
  const pace = new Pace();
  const repeat: Repeat = (work, signal) => retryTransient(work, signal, limits, pace);
  return wrapStore(
    inner,
    {
      result: ({ signal }, work) => repeat(() => work(signal), signal),
      entries: ({ signal }, work) => work(signal),
    },
    {
      put: (key, body, options) =>
        isInMemory(body)
          ? repeat(() => inner.put(key, body, options), options.signal)
          : inner.put(key, body, options),
      list: options => listRetrying(inner, options, repeat),
    },
  );
}

type Repeat = <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>;

/** A listing that breaks goes on after the last entry it gave; each entry resets the count of attempts. */
async function* listRetrying(inner: Store, options: ListOptions, repeat: Repeat): AsyncGenerator<ListEntry> {
  let last = options.startAfter;
  const start = () => inner.list({ ...options, startAfter: last })[Symbol.asyncIterator]();
  let entries = start();
  try {
    for (;;) {
      const next = await repeat(async () => {
        try {
          return await entries.next();
        } catch (error) {
          // A generator that threw is finished: whoever asks it again would see a clean end.
          if (error instanceof StoreError && error.retry) entries = start();
          throw error;
        }
      }, options.signal);
      if (next.done === true) return;
      last = 'key' in next.value ? next.value.key : next.value.prefix;
      yield next.value;
    }
  } finally {
    await entries.return?.();
  }
}
