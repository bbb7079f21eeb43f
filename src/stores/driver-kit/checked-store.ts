/**
 * The front door of every driver: it checks keys and metadata before the driver does anything, and sizes that the service
 * answers with.
 */
import { wrapStore } from '../methods.ts';
import { listingsBy, pagesOf } from '../pages.ts';
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
      ...listingsBy(options => legalEntries(pagesOf(driver, options))),
      async put(key, body, options) {
        assertKey(key);
        assertMetadata(key, options.metadata, driver.capabilities.metadataLimitBytes);
        options.signal.throwIfAborted();
        await driver.put(key, body, options);
      },
    },
  );
}

async function* legalEntries(
  pages: AsyncIterable<readonly ListEntry[]>,
): AsyncGenerator<readonly ListEntry[]> {
  for await (const page of pages) {
    const legal = page.filter(entry => 'prefix' in entry || isLegalKey(entry.key));
    for (const entry of legal) if ('key' in entry) assertSize(`list ${entry.key}`, entry);
    if (legal.length > 0) yield legal;
  }
}

/** The answer, if a size in it is one. A service can send any text; buffers and sums are made from sizes. */
function sound<T>(action: string, answer: T): T {
  const { stat = answer } = (answer ?? {}) as { readonly stat?: unknown };
  assertSize(action, stat ?? {});
  return answer;
}

function assertSize(action: string, { sizeBytes = 0 }: Partial<ObjectStat>): void {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0)
    throw new StoreError('damaged', `${action}: the service tells no size`);
}
