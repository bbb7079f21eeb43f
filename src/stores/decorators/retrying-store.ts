/** A store that repeats calls after temporary failures. */
import { isInMemory } from '../driver-kit/body.ts';
import { defaultRetryLimits, SharedPause, retryTransient, type RetryLimits } from '../driver-kit/retry.ts';
import { wrapStore } from '../methods.ts';
import { StoreError, type ListEntry, type ListOptions, type Store } from '../store.ts';

/**
 * Repeats after `unreachable` and `throttled`, within `limits` and the caller's signal; a throttled call makes all
 * other calls to this store wait too. A stream cannot be read twice, so its put is not repeated here. A repeated
 * conditional put may find the object that its own first request has made: the caller gets `exists`, and the write id
 * in the metadata tells. When the body of a `get` breaks off, the reader must repeat the call.
 */
export function createRetryingStore(inner: Store, limits: RetryLimits = defaultRetryLimits): Store {
  const pause = new SharedPause();
  const repeat: Repeat = (work, signal) => retryTransient(work, signal, limits, pause);
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

/** A listing that continues after its last entry when it breaks off; each entry resets the count of attempts. */
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
          // A generator that threw is finished: another `next` would look like the end of the listing.
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
