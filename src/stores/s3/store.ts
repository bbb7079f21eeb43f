/** The driver for Amazon S3 and compatible services. Its promises are in `stores/store.ts`. */
import { createCheckedStore } from '../driver-kit/checked-store.ts';
import { defaultPartSizeBytes } from '../driver-kit/service-options.ts';
import { listingsBy } from '../pages.ts';
import type { Store } from '../store.ts';
import { refusesWrongChecksum } from './checksum-probe.ts';
import { connectS3, type S3StoreOptions } from './connection.ts';
import { deleteObjects } from './delete.ts';
import { getObject, headObject } from './get.ts';
import { joinsOnlyIfAbsent } from './join-probe.ts';
import { listObjects } from './list.ts';
import { createPastStore } from './past-store.ts';
import { putObject } from './put.ts';
import { thawObject } from './thaw.ts';
import { abortUploads, listUploads } from './unfinished.ts';

export type { S3StoreOptions } from './connection.ts';

/** S3's limit on user metadata: 2 KB, names included. */
const metadataLimitBytes = 2048;

/** Opens no connection yet. @throws WalvaultError `config` when the CA file cannot be read */
export async function createS3Store(options: S3StoreOptions): Promise<Store> {
  const { url, readAt, conditionalCreate = 'atomic', partSizeBytes = defaultPartSizeBytes } = options;
  const connection = await connectS3(options);
  const capabilities = { conditionalCreate, checksumOnWrite: true, metadataLimitBytes };
  if (readAt !== undefined)
    return createCheckedStore(createPastStore(connection, readAt, { url, capabilities }));
  return createCheckedStore({
    url,
    capabilities,
    put: (key, body, put) => putObject(connection, key, body, { ...put, conditionalCreate, partSizeBytes }),
    get: (key, get) => getObject(connection, key, get),
    head: (key, head) => headObject(connection, key, head),
    ...listingsBy(list => listObjects(connection, list)),
    delete: (keys, { signal }) => deleteObjects(connection, keys, signal),
    listUnfinished: list => listUploads(connection, list),
    removeUnfinished: (writes, { signal }) => abortUploads(connection, writes, signal),
    refusesWrongChecksum: (key, { signal }) => refusesWrongChecksum(connection, key, signal),
    joinsOnlyIfAbsent: (key, { signal }) => joinsOnlyIfAbsent(connection, key, signal),
    thaw: (key, thaw) => thawObject(connection, key, thaw),
    close: async () => connection.client.destroy(),
  });
}
