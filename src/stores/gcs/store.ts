/** The driver for Google Cloud Storage. Its promises are in `stores/store.ts`. */
import { createCheckedStore } from '../driver-kit/checked-store.ts';
import { defaultPartSizeBytes } from '../driver-kit/service-options.ts';
import { listingsBy } from '../pages.ts';
import type { Store } from '../store.ts';
import { refusesWrongChecksum } from './checksum-probe.ts';
import { connectGcs, type GcsStoreOptions } from './connection.ts';
import { deleteObjects } from './delete.ts';
import { getObject, headObject } from './get.ts';
import { listObjects } from './list.ts';
import { putObject } from './put.ts';

export type { GcsStoreOptions } from './connection.ts';

/** "Custom metadata" of Cloud Storage: 8 KiB, names included. */
const metadataLimitBytes = 8192;

/** Opens no connection yet. @throws WalvaultError `config` when the CA file cannot be read */
export async function createGcsStore(options: GcsStoreOptions): Promise<Store> {
  const { url, storageClasses, partSizeBytes = defaultPartSizeBytes } = options;
  const connection = await connectGcs(options);
  return createCheckedStore({
    url,
    capabilities: { conditionalCreate: 'atomic', checksumOnWrite: true, metadataLimitBytes },
    put: (key, body, put) => putObject(connection, key, body, { ...put, storageClasses, partSizeBytes }),
    get: (key, get) => getObject(connection, key, get),
    head: (key, { signal }) => headObject(connection, key, signal),
    ...listingsBy(list => listObjects(connection, list)),
    delete: (keys, { signal }) => deleteObjects(connection, keys, signal),
    refusesWrongChecksum: (key, { signal }) => refusesWrongChecksum(connection, key, signal),
    close: async () => connection.close(),
  });
}
