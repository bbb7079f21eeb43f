/** Reading from Azure: bytes are counted, and a whole blob is checked with the CRC-32 in its metadata. */
import { Readable } from 'node:stream';
import { crc32 } from '../../base/checksum/crc32.ts';
import { readArriving, wholeSizeBytes, type BodyChecksum } from '../driver-kit/arriving-body.ts';
import { assertRange } from '../driver-kit/body.ts';
import { unlessAbsent } from '../driver-kit/unless-absent.ts';
import { StoreError, type GetOptions, type ObjectStat, type StoredObject } from '../store.ts';
import type { AzureConnection } from './connection.ts';
import { azureError } from './error.ts';
import { fromAzureMetadata } from './metadata.ts';
import { tierOf, type AzureTier } from './tier.ts';

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
  // An error after the last read would have no listener and end the process.
  body.on('error', () => {});
  const sizeBytes = wholeSizeBytes(contentRange, contentLength);
  if (range !== undefined && start >= sizeBytes) {
    body.destroy();
    throw new StoreError(
      'invalid',
      `get ${key}: the range starts at ${start}, the object has ${sizeBytes} bytes`,
    );
  }
  const { crc32: expectedCrc } = fromAzureMetadata(answer.metadata);
  return {
    stat: statOf(key, answer, sizeBytes),
    body: readArriving({
      key,
      body,
      signal,
      announcedBytes: contentLength,
      checksum: checksumOf(range === undefined ? expectedCrc : undefined),
      toError: (error, action) =>
        azureError(brokenBody(error), { action, container: connection.container, signal }),
    }),
  };
}

/** @throws StoreError `no-container`, `denied`… */
export async function headObject(
  connection: AzureConnection,
  key: string,
  signal: AbortSignal,
): Promise<ObjectStat | undefined> {
  const answer = await unlessAbsent(
    connection.send({ action: `head ${key}`, signal }, () =>
      connection.client.getBlobClient(connection.fullKey(key)).getProperties({ abortSignal: signal }),
    ),
  );
  return answer && statOf(key, answer, answer.contentLength ?? 0);
}

interface Described extends AzureTier {
  readonly lastModified?: Date | undefined;
  readonly metadata?: Record<string, string> | undefined;
}

function statOf(key: string, described: Described, sizeBytes: number): ObjectStat {
  const { lastModified, metadata } = described;
  return {
    key,
    sizeBytes,
    modified: lastModified ?? new Date(0),
    metadata: fromAzureMetadata(metadata).metadata,
    ...tierOf(described),
  };
}

function checksumOf(expected: number | undefined): BodyChecksum | undefined {
  if (expected === undefined) return undefined;
  let crc = 0;
  return {
    description: 'CRC-32 that was kept with them',
    update(chunk) {
      crc = crc32(chunk, crc);
    },
    matches: () => crc === expected,
  };
}

function brokenBody(error: unknown): unknown {
  return isCut(error) ? Object.assign(new Error('cut'), { code: 'ECONNRESET' }) : error;
}

/** True for a body that ended too early. The SDK calls it a corruption without looking for the reason. */
function isCut(error: unknown): boolean {
  return error instanceof Error && /received less data than required/.test(error.message);
}
