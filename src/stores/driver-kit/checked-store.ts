/**
 * The front door of every driver: it checks keys and metadata before the driver does anything, and sizes that the service
 * answers with.
 */
import { wrapStore } from '../methods.ts';
import { StoreError, type ListEntry, type ObjectStat, type Store } from '../store.ts';
import { assertKey, assertMetadata, isLegalKey } from './key.ts';

/**
 * Calls about a single object reach the driver with a legal key and a signal that has not fired. The driver itself checks
 * the keys of `delete`, which reports each bad key, and of `removeUnfinished`, because unfinished writes may have any name.
 *
 * A listing leaves out objects whose keys no driver would take, such as the empty object `a/` that consoles and mounts
 * make for a directory: nothing could be done with them here.
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
        return sound(`${method} ${key}`, await work(signal));
      },
      entries: ({ signal }, work) => work(signal),
    },
    {
      list: options => legalEntries(driver.list(options)),
      async put(key, body, options) {
        assertKey(key);
        assertMetadata(key, options.metadata, driver.capabilities.metadataLimitBytes);
        options.signal.throwIfAborted();
        await driver.put(key, body, options);
      },
    },
  );
}

async function* legalEntries(entries: AsyncIterable<ListEntry>): AsyncGenerator<ListEntry> {
  for await (const entry of entries) {
    if ('prefix' in entry) yield entry;
    else if (isLegalKey(entry.key)) yield sound(`list ${entry.key}`, entry);
  }
}

/** The answer, if a size in it is one. A service can send any text; buffers and sums are made from sizes. */
function sound<T>(action: string, answer: T): T {
  const { stat = answer } = (answer ?? {}) as { readonly stat?: unknown };
  const { sizeBytes = 0 } = (stat ?? {}) as Partial<ObjectStat>;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0)
    throw new StoreError('damaged', `${action}: the service tells no size`);
  return answer;
}
