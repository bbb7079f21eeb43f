/** The front door of every driver: it checks keys and metadata before the driver does anything. */
import { wrapStore } from '../methods.ts';
import type { Store } from '../store.ts';
import { assertKey, assertMetadata } from './key.ts';

/**
 * Calls about a single object reach the driver with a legal key and a signal that has not fired. The driver itself checks
 * the keys of `delete`, which reports each bad key, and of `removeUnfinished`, because unfinished writes may have any name.
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
