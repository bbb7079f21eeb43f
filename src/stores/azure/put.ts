/**
 * Writing to Azure. What is in memory or fits one block goes as one Put Blob, a longer stream as blocks and a list that commits them.
 * Both are created with `If-None-Match: *`, so that the service itself decides who was first.
 */
import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from '../../base/checksum/crc32.ts';
import { announcedSizeBytes, BodyCheck, isOneRequest, streamOfBody } from '../body.ts';
import { PartReader } from '../driver-kit/part-reader.ts';
import { uploadParts } from '../driver-kit/part-upload.ts';
import { retryTransient } from '../driver-kit/retry.ts';
import { isStoreError, StoreError, type PutBody, type PutOptions } from '../store.ts';
import type { AzureConnection, AzureStoreOptions } from './connection.ts';
import { azureCode } from './error.ts';
import { headObject } from './get.ts';
import { encodeMetadata } from './metadata.ts';

export interface AzurePutSettings {
  readonly partSizeBytes: number;
  readonly accessTiers?: AzureStoreOptions['accessTiers'];
}

/** "Scalability targets": blocks in one blob. */
const maxBlocks = 50_000;
const mebibyte = 1024 * 1024;

/** @throws StoreError as `Store.put` */
export async function putObject(
  connection: AzureConnection,
  key: string,
  body: PutBody,
  options: PutOptions & AzurePutSettings,
): Promise<void> {
  const sizeBytes = options.sizeBytes ?? announcedSizeBytes(body, options);
  const check = new BodyCheck(key, { ...options, sizeBytes });
  if (isOneRequest(body, options)) {
    for (const chunk of body) check.update(chunk);
    check.finish();
    const [only] = body;
    await putWhole(connection, key, body.length === 1 && only ? only : Buffer.concat(body), options);
    return;
  }
  const parts = new PartReader(streamOfBody(body), check, blockSizeFor(sizeBytes, options.partSizeBytes));
  try {
    const first = await parts.next(options.signal);
    // A stream is ours to repeat while it is in our hands: the retry decorator cannot.
    if (first === undefined || first.isLast) {
      check.finish();
      const data = first?.data ?? Buffer.alloc(0);
      await retryTransient(() => putWhole(connection, key, data, options), options.signal);
    } else {
      const blocks = new Blocks(connection, key, options);
      await uploadParts(parts, first, {
        signal: options.signal,
        send: (data, number, signal) => blocks.stage(data, number, signal),
      });
      check.finish();
      await blocks.commit();
    }
  } finally {
    await parts.close();
  }
}

function blockSizeFor(sizeBytes: number | undefined, smallestBytes: number): number {
  const neededBytes = Math.ceil((sizeBytes ?? 0) / maxBlocks);
  return Math.max(smallestBytes, Math.ceil(neededBytes / mebibyte) * mebibyte);
}

/** `md5` is for the one who wants to send a wrong one. */
export async function putWhole(
  connection: AzureConnection,
  key: string,
  body: Uint8Array,
  options: PutOptions & AzurePutSettings & { readonly md5?: Uint8Array },
): Promise<void> {
  const md5 = options.md5 ?? md5Of(connection, body);
  await connection.send({ action: `put ${key}`, signal: options.signal }, () =>
    connection.client
      .getBlockBlobClient(connection.fullKey(key))
      .upload(Buffer.from(body.buffer, body.byteOffset, body.length), body.length, {
        ...creation(options, crc32(body)),
        abortSignal: options.signal,
        ...(md5 && { transactionalContentMD5: md5 }),
      }),
  );
}

function md5Of({ contentMd5 }: AzureConnection, body: Uint8Array): Uint8Array | undefined {
  return contentMd5 ? createHash('md5').update(body).digest() : undefined;
}

/** What makes the object: its metadata, its tier, and the condition. */
function creation(
  { ifAbsent, metadata, objectClass, accessTiers }: PutOptions & AzurePutSettings,
  crc: number,
) {
  const tier = objectClass === 'catalog' ? undefined : accessTiers?.[objectClass];
  return {
    metadata: encodeMetadata(metadata, crc),
    blobHTTPHeaders: { blobContentType: 'application/octet-stream' },
    ...(tier !== undefined && { tier }),
    ...(ifAbsent && { conditions: { ifNoneMatch: '*' } }),
  };
}

/**
 * One upload in blocks. Blocks that were never committed are invisible and cannot be removed; the service forgets
 * them after a week.
 */
class Blocks {
  readonly #connection: AzureConnection;
  readonly #key: string;
  readonly #options: PutOptions & AzurePutSettings;
  /** Two writers of one key must not fill each other's blocks. */
  readonly #upload = randomBytes(16);
  #count = 0;
  #crc = 0;

  constructor(connection: AzureConnection, key: string, options: PutOptions & AzurePutSettings) {
    this.#connection = connection;
    this.#key = key;
    this.#options = options;
  }

  /** Called in the order of the parts; several may be on their way. */
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
   * Repeated after a lost answer. The repetition may then find our own object: that is `exists`, and the write id in
   * the metadata tells the caller whose it is.
   */
  async commit(): Promise<void> {
    const { signal, ifAbsent } = this.#options;
    const ids = Array.from({ length: this.#count }, (_, index) => this.#blockId(index + 1));
    try {
      await retryTransient(
        () =>
          this.#connection.send({ action: `put ${this.#key}`, signal }, () =>
            this.#client().commitBlockList(ids, {
              ...creation(this.#options, this.#crc),
              abortSignal: signal,
            }),
          ),
        signal,
      );
    } catch (error) {
      // Whoever commits first takes everybody's blocks away.
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

  /** All of one length, as the service demands. */
  #blockId(number: number): string {
    const id = Buffer.concat([this.#upload, Buffer.alloc(4)]);
    id.writeUInt32BE(number, this.#upload.length);
    return id.toString('base64');
  }
}

/** Whether the service looks at checksums at all: for `check`. */
export async function refusesWrongChecksum(
  connection: AzureConnection,
  key: string,
  options: PutOptions & AzurePutSettings,
): Promise<boolean> {
  const body = Buffer.from('walvault sends this with a wrong checksum');
  try {
    await putWhole(connection, key, body, { ...options, md5: Buffer.alloc(16) });
    return false;
  } catch (error) {
    if (isStoreError(error, 'damaged') || isStoreError(error, 'invalid')) return true;
    throw error;
  }
}
