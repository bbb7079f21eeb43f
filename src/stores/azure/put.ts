/**
 * Writing to Azure. A body in memory, or one that fits into one block, goes as one Put Blob, a longer stream as blocks and a
 * list that commits them. Both use `If-None-Match: *`, so that the service itself decides which writer was first.
 */
import { crc32 } from '../../base/checksum/crc32.ts';
import { putBody } from '../driver-kit/put-body.ts';
import { StoreError, type PutBody, type PutOptions } from '../store.ts';
import { md5Of } from './checksum.ts';
import type { AzureConnection } from './connection.ts';
import { creationOptions, type AzurePutSettings } from './creation.ts';
import { azureCode } from './error.ts';
import { headObject } from './get.ts';
import { maxBlocks, putInParts } from './put-parts.ts';

/** @throws StoreError as `Store.put` */
export async function putObject(
  connection: AzureConnection,
  key: string,
  body: PutBody,
  options: PutOptions & AzurePutSettings & { readonly partSizeBytes: number },
): Promise<void> {
  try {
    await putBody(key, body, {
      ...options,
      maxParts: maxBlocks,
      writeWhole: body => putWhole(connection, key, body, options),
      writeInParts: body => putInParts(connection, key, body, options),
    });
  } catch (error) {
    // Credentials that may create but not replace are refused before the service looks at the condition.
    if (!options.ifAbsent || azureCode(error) !== 'AuthorizationPermissionMismatch') throw error;
    if ((await headObject(connection, key, options.signal)) === undefined) throw error;
    throw new StoreError('exists', `put ${key}: already exists`, { cause: error });
  }
}

/** One request with the whole blob. `md5` replaces the body's own: a probe sends a wrong one. */
export async function putWhole(
  connection: AzureConnection,
  key: string,
  chunks: readonly Uint8Array[],
  options: PutOptions & AzurePutSettings & { readonly md5?: Uint8Array },
): Promise<void> {
  const body = asBuffer(chunks);
  const md5 = options.md5 ?? md5Of(connection, body);
  await connection.send({ action: `put ${key}`, signal: options.signal }, () =>
    connection.client.getBlockBlobClient(connection.fullKey(key)).upload(body, body.length, {
      ...creationOptions(options, crc32(body)),
      abortSignal: options.signal,
      ...(md5 && { transactionalContentMD5: md5 }),
    }),
  );
}

/** The chunks as one buffer; a single chunk is not copied. */
function asBuffer(chunks: readonly Uint8Array[]): Buffer {
  const [only] = chunks;
  if (chunks.length !== 1 || only === undefined) return Buffer.concat(chunks);
  return Buffer.from(only.buffer, only.byteOffset, only.length);
}
