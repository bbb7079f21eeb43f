/** Amazon S3 and the services that speak like it. What the driver promises is in `store.ts`; how, in its neighbours. */
import { PutObjectCommand } from '@aws-sdk/client-s3';
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
import type { S3PutSettings } from './s3-condition.ts';
import { connectS3, type S3Connection, type S3StoreOptions } from './s3-connection.ts';
import { deleteObjects } from './s3-delete.ts';
import { s3Code } from './s3-error.ts';
import { getObject, headObject } from './s3-get.ts';
import { listObjects } from './s3-list.ts';
import { checksumOf, protectPayload } from './s3-payload.ts';
import { putObject } from './s3-put.ts';

export type { S3Credentials, S3StoreOptions } from './s3-connection.ts';

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

  async refusesWrongChecksum(key: string, options: CallOptions): Promise<boolean> {
    assertKey(key);
    const body = Buffer.from('walvault sends this with a wrong checksum');
    const { signal } = options;
    try {
      await this.#connection.send({ action: `put ${key}`, signal }, async abortSignal => {
        const { bucket, client } = this.#connection;
        const parameters = { ...checksumOf(body), ChecksumCRC32: 'AAAAAA==' };
        const command = new PutObjectCommand({
          Bucket: bucket,
          Key: this.#connection.fullKey(key),
          Body: body,
          ...parameters,
        });
        protectPayload({ payload: 'unsigned' }, command, body);
        await client.send(command, { abortSignal });
      });
    } catch (error) {
      if (isStoreError(error, 'damaged') || (isStoreError(error, 'invalid') && s3Code(error) !== undefined))
        return true;
      throw error;
    }
    await this.delete([key], options);
    return false;
  }

  async close(): Promise<void> {
    this.#connection.client.destroy();
  }
}
