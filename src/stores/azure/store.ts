/** The driver for Azure Blob Storage. Its promises are in `stores/store.ts`. */
import { createCheckedStore } from '../driver-kit/checked-store.ts';
import { defaultPartSizeBytes } from '../driver-kit/service-options.ts';
import { listingsBy } from '../pages.ts';
import type { Store } from '../store.ts';
import { refusesWrongChecksum } from './checksum-probe.ts';
import { connectAzure, type AzureStoreOptions } from './connection.ts';
import { deleteObjects } from './delete.ts';
import { getObject, headObject } from './get.ts';
import { listObjects } from './list.ts';
import { putObject } from './put.ts';
import { thawObject } from './thaw.ts';

export type { AzureStoreOptions } from './connection.ts';

/** The service allows 8 KiB, names included ("Setting and retrieving properties and metadata"); the rest is for the checksum. */
const metadataLimitBytes = 8000;

/** Opens no connection yet. @throws WalvaultError `config` when the CA file cannot be read */
export async function createAzureStore(options: AzureStoreOptions): Promise<Store> {
  const { url, storageClasses, partSizeBytes = defaultPartSizeBytes } = options;
  const connection = await connectAzure(options);
  return createCheckedStore({
    url,
    capabilities: {
      conditionalCreate: 'atomic',
      checksumOnWrite: connection.contentMd5,
      metadataLimitBytes,
    },
    put: (key, body, put) => putObject(connection, key, body, { ...put, storageClasses, partSizeBytes }),
    get: (key, get) => getObject(connection, key, get),
    head: (key, { signal }) => headObject(connection, key, signal),
    ...listingsBy(list => listObjects(connection, list)),
    delete: (keys, { signal }) => deleteObjects(connection, keys, signal),
    refusesWrongChecksum: (key, { signal }) => refusesWrongChecksum(connection, key, signal),
    thaw: (key, thaw) => thawObject(connection, key, thaw),
    close: async () => connection.close(),
  });
}
