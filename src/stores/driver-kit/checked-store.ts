/** The front door of every driver: keys and metadata are checked here, before the driver does anything. */
import { wrapStore } from '../methods.ts';
import type { Store } from '../store.ts';
import { assertKey, assertMetadata } from './key.ts';

/**
 * Calls about single objects reach the driver with a legal key and a signal that has not fired. A deletion reports each
 * bad key by itself, and what dead writers left may have any name: those two the driver checks itself.
 */
export function createCheckedStore(driver: Store): Store {
  return wrapStore(
    driver,
    {
      async result({ method, keys: [key = ''], signal }, work) {
        if (method !== 'delete' && method !== 'removeUnfinished') {
          assertKey(key);
          signal.throwIfAborted();
        }
        return await work(signal);
      },
      entries: ({ signal }, work) => work(signal),
    },
    {
      async put(key, body, options) {
        assertKey(key);
        assertMetadata(key, options.metadata, driver.capabilities.metadataLimitBytes);
        options.signal.throwIfAborted();
        await driver.put(key, body, options);
      },
    },
  );
}
