/** A stand-in for a store that could not be opened, so that a command over several stores meets its error as a failed call. */
import type { Store } from '../store.ts';

/** Every call fails with `error`, the reason why the store could not be opened. */
export function createUnopenedStore(url: string, error: Error): Store {
  const fail = () => Promise.reject(error);
  return {
    url,
    capabilities: { conditionalCreate: 'atomic', checksumOnWrite: false, metadataLimitBytes: 0 },
    put: fail,
    get: fail,
    head: fail,
    list: () => ({ [Symbol.asyncIterator]: () => ({ next: fail }) }),
    delete: fail,
    close: async () => undefined,
  };
}
