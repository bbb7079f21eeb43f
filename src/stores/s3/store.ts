/** Amazon S3 and the services that speak like it. What the driver promises is in `store.ts`; how, in its neighbours. */
import { assertKey, assertMetadata } from '../key.ts';
import {
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
  type UnfinishedWrite,
} from '../store.ts';
import { refusesWrongChecksum } from './checksum-probe.ts';
import type { S3PutSettings } from './condition.ts';
import { connectS3, type S3Connection, type S3StoreOptions } from './connection.ts';
import { deleteObjects } from './delete.ts';
import { getObject, headObject } from './get.ts';
import { joinsOnlyIfAbsent } from './join-probe.ts';
import { listObjects } from './list.ts';
import { putObject } from './put.ts';
import { thawObject } from './thaw.ts';
import { abortUploads, listUploads } from './unfinished.ts';

export type { S3Credentials, S3StoreOptions } from './connection.ts';

const defaultPartSizeBytes = 8 * 1024 * 1024;
/** S3 keeps 2 KB of user metadata, names included. */
const metadataLimitBytes = 2048;

/** Opens no connection yet. @throws WalvaultError `config` when the CA file cannot be read */
export async function createS3Store(options: S3StoreOptions): Promise<Store> {
  return new S3Store(await connectS3(options), options);
}

class S3Store implements Store {
  readonly url: string;
  readonly capabilities: StoreCapabilities;
  readonly #connection: S3Connection;
  readonly #settings: S3PutSettings;

  constructor(connection: S3Connection, options: S3StoreOptions) {
    const { bucket, prefix, conditionalCreate = 'atomic', partSizeBytes = defaultPartSizeBytes } = options;
    this.url = options.url ?? `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`;
    this.capabilities = { conditionalCreate, checksumOnWrite: true, metadataLimitBytes };
    this.#connection = connection;
    this.#settings = { conditionalCreate, partSizeBytes };
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

  listUnfinished(options: CallOptions & { readonly prefix: string }): AsyncIterable<UnfinishedWrite> {
    return listUploads(this.#connection, options);
  }

  async removeUnfinished(writes: readonly UnfinishedWrite[], options: CallOptions): Promise<DeleteFailure[]> {
    return await abortUploads(this.#connection, writes, options);
  }

  async refusesWrongChecksum(key: string, options: CallOptions): Promise<boolean> {
    assertKey(key);
    return await refusesWrongChecksum(this.#connection, key, options);
  }

  async joinsOnlyIfAbsent(key: string, options: CallOptions): Promise<boolean> {
    assertKey(key);
    return await joinsOnlyIfAbsent(this.#connection, key, options);
  }

  async thaw(key: string, options: ThawOptions): Promise<ThawOutcome> {
    assertKey(key);
    return await thawObject(this.#connection, key, options);
  }

  async close(): Promise<void> {
    this.#connection.client.destroy();
  }
}
