/** Reading from Azure: what arrives is counted and, when whole, checked against the CRC-32 kept with it. */
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { assertRange } from '../body.ts';
import { isStoreError, StoreError, type GetOptions, type ObjectStat, type StoredObject } from '../store.ts';
import type { AzureConnection } from './azure-connection.ts';
import { azureError } from './azure-error.ts';
import { decodeMetadata } from './azure-metadata.ts';

/** @throws StoreError as `Store.get` */
export async function getObject(
  connection: AzureConnection,
  key: string,
  { range, signal }: GetOptions,
): Promise<StoredObject> {
  assertRange(key, range);
  const { start = 0, end } = range ?? {};
  const answer = await connection.send({ action: `get ${key}`, signal }, () =>
    connection.client
      .getBlobClient(connection.fullKey(key))
      .download(start, end === undefined ? undefined : end - start, {
        abortSignal: signal,
        maxRetryRequests: 0,
      }),
  );
  const { readableStreamBody: body, contentLength = 0, contentRange } = answer;
  if (!(body instanceof Readable)) throw new StoreError('invalid', `get ${key}: the service gave no body`);
  // What it says after we stopped reading has nobody to hear it, and would end the process.
  body.on('error', () => {});
  const sizeBytes = wholeSizeBytes(contentRange, contentLength);
  if (range !== undefined && start >= sizeBytes) {
    body.destroy();
    throw new StoreError(
      'invalid',
      `get ${key}: the range starts at ${start}, the object has ${sizeBytes} bytes`,
    );
  }
  const { crc32: expectedCrc } = decodeMetadata(answer.metadata);
  return {
    stat: statOf(key, answer, sizeBytes),
    body: readBody(connection, key, {
      body,
      signal,
      announcedBytes: contentLength,
      ...(range === undefined && { expectedCrc }),
    }),
  };
}

/** @throws StoreError `no-container`, `denied`… */
export async function headObject(
  connection: AzureConnection,
  key: string,
  signal: AbortSignal,
): Promise<ObjectStat | undefined> {
  try {
    const answer = await connection.send({ action: `head ${key}`, signal }, () =>
      connection.client.getBlobClient(connection.fullKey(key)).getProperties({ abortSignal: signal }),
    );
    return statOf(key, answer, answer.contentLength ?? 0);
  } catch (error) {
    if (isStoreError(error, 'absent')) return undefined;
    throw error;
  }
}

/** `bytes 0-9/1234` (RFC 9110 §14.4), or the length of a whole body. */
function wholeSizeBytes(contentRange: string | undefined, contentLength: number): number {
  const total = contentRange?.split('/')[1];
  return total === undefined || total === '*' ? contentLength : Number(total);
}

interface Described {
  readonly lastModified?: Date | undefined;
  readonly metadata?: Record<string, string> | undefined;
}

function statOf(key: string, { lastModified, metadata }: Described, sizeBytes: number): ObjectStat {
  return {
    key,
    sizeBytes,
    modified: lastModified ?? new Date(0),
    metadata: decodeMetadata(metadata).metadata,
  };
}

interface Arriving {
  readonly body: Readable;
  readonly signal: AbortSignal;
  readonly announcedBytes: number;
  readonly expectedCrc?: number | undefined;
}

async function* readBody(
  { container }: AzureConnection,
  key: string,
  { body, signal, announcedBytes, expectedCrc }: Arriving,
): AsyncGenerator<Uint8Array> {
  let receivedBytes = 0;
  let crc = 0;
  const onAbort = () => body.destroy(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      receivedBytes += chunk.length;
      if (expectedCrc !== undefined) crc = crc32(chunk, crc);
      yield chunk;
    }
  } catch (error) {
    const action = `get ${key} after ${receivedBytes} bytes`;
    throw azureError(isCut(error) ? Object.assign(new Error('cut'), { code: 'ECONNRESET' }) : error, {
      action,
      container,
      signal,
    });
  } finally {
    signal.removeEventListener('abort', onAbort);
    body.destroy();
  }
  if (receivedBytes !== announcedBytes)
    throw new StoreError('damaged', `get ${key}: ${receivedBytes} bytes came instead of ${announcedBytes}`);
  if (expectedCrc !== undefined && crc !== expectedCrc)
    throw new StoreError('damaged', `get ${key}: the bytes do not match the CRC-32 that was kept with them`);
}

/** The SDK calls every body that ends too early a corruption, because it does not look why. */
function isCut(error: unknown): boolean {
  return error instanceof Error && /received less data than required/.test(error.message);
}
