/** A store that repeats calls after temporary failures. */
import { isInMemory } from '../driver-kit/body.ts';
import { defaultRetryLimits, SharedPause, retryTransient, type RetryLimits } from '../driver-kit/retry.ts';
import { wrapStore } from '../methods.ts';
import { entryName, pagesOf } from '../pages.ts';
import { StoreError, type ListOptions, type Store } from '../store.ts';

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
      list: options => listRetrying(from => inner.list(from), options, { repeat, nameOf: entryName }),
      ...(inner.listPages !== undefined && { listPages: options => pagesRetrying(inner, options, repeat) }),
    },
  );
}

type Repeat = <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>;

function pagesRetrying(inner: Store, options: ListOptions, repeat: Repeat) {
  return listRetrying(from => pagesOf(inner, from), options, {
    repeat,
    nameOf(page) {
      const last = page.at(-1);
      return last === undefined ? undefined : entryName(last);
    },
  });
}

/**
 * A listing that continues after its last entry when it breaks off; each piece of it resets the count of attempts.
 * `nameOf` gives the name of the last entry in a piece.
 */
async function* listRetrying<T>(
  list: (options: ListOptions) => AsyncIterable<T>,
  options: ListOptions,
  { repeat, nameOf }: { readonly repeat: Repeat; nameOf(piece: T): string | undefined },
): AsyncGenerator<T> {
  let last = options.startAfter;
  const start = () => list({ ...options, startAfter: last })[Symbol.asyncIterator]();
  let pieces = start();
  try {
    for (;;) {
      const next = await repeat(async () => {
        try {
          return await pieces.next();
        } catch (error) {
          // A generator that threw is finished: another `next` would look like the end of the listing.
          if (error instanceof StoreError && error.retry) pieces = start();
          throw error;
        }
      }, options.signal);
      if (next.done === true) return;
      last = nameOf(next.value) ?? last;
      yield next.value;
    }
  } finally {
    await pieces.return?.();
  }
}
