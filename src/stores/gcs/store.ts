/** Google Cloud Storage. What the driver promises is in `store.ts`; how, in its neighbours. */
import { assertKey, assertMetadata } from '../key.ts';
import {
  isStoreError,
  type CallOptions,
  type DeleteFailure,
  type GetOptions,
  type ListEntry,
  type ListOptions,
  type ObjectStat,
  type PutBody,
  type PutOptions,
  type Store,
  type StoreCapabilities,
  type StoredObject,
} from '../store.ts';
import { connectGcs, type GcsConnection, type GcsStoreOptions } from './connection.ts';
import type { GcsPutSettings } from './creation.ts';
import { deleteObjects } from './delete.ts';
import { getObject, headObject } from './get.ts';
import { listObjects } from './list.ts';
import { putObject, putWhole } from './put.ts';

export type { GcsStoreOptions } from './connection.ts';

const defaultPartSizeBytes = 8 * 1024 * 1024;
/** "Custom metadata" of Cloud Storage: 8 KiB, names included. */
const metadataLimitBytes = 8192;

/** Opens no connection yet. @throws WalvaultError `config` when the CA file cannot be read */
export async function createGcsStore(options: GcsStoreOptions): Promise<Store> {
  return new GcsStore(await connectGcs(options), options);
}

class GcsStore implements Store {
  readonly url: string;
  readonly capabilities: StoreCapabilities = {
    conditionalCreate: 'atomic',
    checksumOnWrite: true,
    metadataLimitBytes,
  };
  readonly #connection: GcsConnection;
  readonly #settings: GcsPutSettings;

  constructor(connection: GcsConnection, options: GcsStoreOptions) {
    const { bucket, prefix, partSizeBytes = defaultPartSizeBytes, storageClasses } = options;
    this.url = options.url ?? `gs://${bucket}${prefix === '' ? '' : `/${prefix}`}`;
    this.#connection = connection;
    this.#settings = { partSizeBytes, storageClasses };
  }

  async put(key: string, body: PutBody, options: PutOptions): Promise<void> {
    assertKey(key);
    assertMetadata(key, options.metadata, metadataLimitBytes);
    options.signal.throwIfAborted();
    await putObject(this.#connection, key, body, { ...options, ...this.#settings });
  }

  async get(key: string, options: GetOptions): Promise<StoredObject> {
    assertKey(key);
    return await getObject(this.#connection, key, options);
  }

  async head(key: string, options: CallOptions): Promise<ObjectStat | undefined> {
    assertKey(key);
    return await headObject(this.#connection, key, options.signal);
  }

  list(options: ListOptions): AsyncIterable<ListEntry> {
    return listObjects(this.#connection, options);
  }

  async delete(keys: readonly string[], options: CallOptions): Promise<DeleteFailure[]> {
    return await deleteObjects(this.#connection, keys, options);
  }

  async refusesWrongChecksum(key: string, { signal }: CallOptions): Promise<boolean> {
    assertKey(key);
    const body = [Buffer.from('walvault sends this with a wrong checksum')];
    try {
      await putWhole(this.#connection, key, body, {
        ...this.#settings,
        signal,
        ifAbsent: false,
        objectClass: 'catalog',
        crc32c: 'AAAAAA==',
      });
    } catch (error) {
      if (isStoreError(error, 'damaged') || isStoreError(error, 'invalid')) return true;
      throw error;
    }
    await this.delete([key], { signal });
    return false;
  }

  async close(): Promise<void> {
    this.#connection.close();
  }
}
