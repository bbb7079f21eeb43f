/**
 * An upload in blocks of a stream that can be read only once. Blocks are repeated while they are in memory. Uncommitted
 * blocks are invisible and cannot be removed; the service forgets them after a week.
 */
import { randomBytes } from 'node:crypto';
import { crc32 } from '../../base/checksum/crc32.ts';
import { uploadParts } from '../driver-kit/part-upload.ts';
import type { LongBody } from '../driver-kit/put-body.ts';
import { retryTransient } from '../driver-kit/retry.ts';
import { StoreError, type PutOptions } from '../store.ts';
import { md5Of } from './checksum.ts';
import type { AzureConnection } from './connection.ts';
import { creationOptions, type AzurePutSettings } from './creation.ts';
import { azureCode } from './error.ts';
import { headObject } from './get.ts';

/** Azure's limit on blocks in one blob ("Scalability targets"). */
export const maxBlocks = 50_000;

export async function putInParts(
  connection: AzureConnection,
  key: string,
  { first, parts, check }: LongBody,
  options: PutOptions & AzurePutSettings,
): Promise<void> {
  const blocks = new Blocks(connection, key, options);
  await uploadParts(parts, first, {
    signal: options.signal,
    send: (data, number, signal) => blocks.stage(data, number, signal),
  });
  check.finish();
  await blocks.commit();
}

/** The blocks of one upload. */
class Blocks {
  readonly #connection: AzureConnection;
  readonly #key: string;
  readonly #options: PutOptions & AzurePutSettings;
  /** A random part of the block ids: two writers of one key must not overwrite each other's blocks. */
  readonly #upload = randomBytes(16);
  #count = 0;
  #crc = 0;

  constructor(connection: AzureConnection, key: string, options: PutOptions & AzurePutSettings) {
    this.#connection = connection;
    this.#key = key;
    this.#options = options;
  }

  /** Sends one block. Called in the order of the parts, several at the same time. */
  async stage(data: Uint8Array, number: number, signal: AbortSignal): Promise<void> {
    if (number > maxBlocks)
      throw new StoreError('invalid', `put ${this.#key}: longer than ${maxBlocks} blocks; announce its size`);
    this.#crc = crc32(data, this.#crc);
    this.#count = number;
    const body = Buffer.from(data.buffer, data.byteOffset, data.length);
    const md5 = md5Of(this.#connection, data);
    await retryTransient(
      () =>
        this.#connection.send({ action: `put ${this.#key} block ${number}`, signal }, () =>
          this.#client().stageBlock(this.#blockId(number), body, body.length, {
            abortSignal: signal,
            ...(md5 && { transactionalContentMD5: md5 }),
          }),
        ),
      signal,
    );
  }

  /**
   * Commits the blocks, again after a lost answer. The second request may find our own object: that is `exists`, and
   * the write id in the metadata tells the caller whose object it is.
   */
  async commit(): Promise<void> {
    const { signal, ifAbsent } = this.#options;
    const ids = Array.from({ length: this.#count }, (_, index) => this.#blockId(index + 1));
    try {
      await retryTransient(
        () =>
          this.#connection.send({ action: `put ${this.#key}`, signal }, () =>
            this.#client().commitBlockList(ids, {
              ...creationOptions(this.#options, this.#crc),
              abortSignal: signal,
            }),
          ),
        signal,
      );
    } catch (error) {
      // The first commit removes the blocks of all other writers.
      if (azureCode(error) !== 'InvalidBlockList') throw error;
      const isThere = (await headObject(this.#connection, this.#key, signal)) !== undefined;
      if (isThere && ifAbsent)
        throw new StoreError('exists', `put ${this.#key}: already exists`, { cause: error });
      throw new StoreError('unreachable', `put ${this.#key}: the service dropped the blocks`, {
        cause: error,
      });
    }
  }

  #client() {
    return this.#connection.client.getBlockBlobClient(this.#connection.fullKey(this.#key));
  }

  /** The id of a block. All ids have the same length, which the service requires. */
  #blockId(number: number): string {
    const id = Buffer.concat([this.#upload, Buffer.alloc(4)]);
    id.writeUInt32BE(number, this.#upload.length);
    return id.toString('base64');
  }
}
