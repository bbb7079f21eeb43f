/** Azure Blob Storage. What the driver promises is in `store.ts`; how, in its neighbours. */
import { assertKey, assertMetadata } from '../key.ts';
import {
  StoreError,
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
  type ThawOptions,
  type ThawOutcome,
} from '../store.ts';
import { connectAzure, type AzureConnection, type AzureStoreOptions } from './connection.ts';
import { deleteObjects } from './delete.ts';
import { azureCode } from './error.ts';
import { getObject, headObject } from './get.ts';
import { listObjects } from './list.ts';
import { putObject, refusesWrongChecksum, type AzurePutSettings } from './put.ts';
import { thawObject } from './tier.ts';

export type { AzureStoreOptions } from './connection.ts';

const defaultPartSizeBytes = 8 * 1024 * 1024;
/** "Setting and retrieving properties and metadata": 8 KiB, names included; some of it is for the checksum. */
const metadataLimitBytes = 8000;

/** Opens no connection yet. @throws WalvaultError `config` when the CA file cannot be read */
export async function createAzureStore(options: AzureStoreOptions): Promise<Store> {
  return new AzureStore(await connectAzure(options), options);
}

/** A signature's, or a role's. */
function isRightToReplace(error: unknown): boolean {
  return azureCode(error) === 'AuthorizationPermissionMismatch';
}

class AzureStore implements Store {
  readonly url: string;
  readonly capabilities: StoreCapabilities;
  readonly #connection: AzureConnection;
  readonly #settings: AzurePutSettings;

  constructor(connection: AzureConnection, options: AzureStoreOptions) {
    const { account, container, prefix, partSizeBytes = defaultPartSizeBytes, accessTiers } = options;
    this.url = options.url ?? `azure://${account}/${container}${prefix === '' ? '' : `/${prefix}`}`;
    this.capabilities = {
      conditionalCreate: 'atomic',
      checksumOnWrite: connection.contentMd5,
      metadataLimitBytes,
    };
    this.#connection = connection;
    this.#settings = { partSizeBytes, accessTiers };
  }

  async put(key: string, body: PutBody, options: PutOptions): Promise<void> {
    assertKey(key);
    assertMetadata(key, options.metadata, metadataLimitBytes);
    options.signal.throwIfAborted();
    try {
      await putObject(this.#connection, key, body, { ...options, ...this.#settings });
    } catch (error) {
      throw options.ifAbsent && isRightToReplace(error) ? await this.#existsOr(key, error, options) : error;
    }
  }

  /** Who may create and not replace is refused before the service looks at the condition. */
  async #existsOr(key: string, error: unknown, { signal }: CallOptions): Promise<unknown> {
    const existing = await headObject(this.#connection, key, signal);
    return existing === undefined
      ? error
      : new StoreError('exists', `put ${key}: already exists`, { cause: error });
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

  async refusesWrongChecksum(key: string, options: CallOptions): Promise<boolean> {
    assertKey(key);
    const isRefused = await refusesWrongChecksum(this.#connection, key, {
      ...options,
      ...this.#settings,
      ifAbsent: false,
      objectClass: 'catalog',
    });
    if (!isRefused) await this.delete([key], options);
    return isRefused;
  }

  async thaw(key: string, options: ThawOptions): Promise<ThawOutcome> {
    assertKey(key);
    return await thawObject(this.#connection, key, options);
  }

  async close(): Promise<void> {
    this.#connection.close();
  }
}
