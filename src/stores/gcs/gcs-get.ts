/** Reading from Cloud Storage: what arrives is counted and, when whole, checked against the service's CRC-32C. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { assertRange } from '../body.ts';
import { isStoreError, StoreError, type GetOptions, type ObjectStat, type StoredObject } from '../store.ts';
import { Crc32c, crc32cIn } from './gcs-checksum.ts';
import { objectPath, readNothing, type GcsConnection } from './gcs-connection.ts';
import { gcsError } from './gcs-error.ts';

/** @throws StoreError as `Store.get` */
export async function getObject(
  connection: GcsConnection,
  key: string,
  { range, signal }: GetOptions,
): Promise<StoredObject> {
  assertRange(key, range);
  const answer = await connection.send(
    { action: `get ${key}`, signal },
    { method: 'GET', path: objectPath(connection, key), headers: rangeHeader(range) },
    answer => answer,
  );
  return {
    stat: statOf(key, answer.headers),
    body: readBody(connection, key, { body: answer.body, headers: answer.headers, signal }),
  };
}

/**
 * HEAD answers 404 without a word on what is missing, the key or the bucket: a GET of one byte says it.
 * @throws StoreError `no-container`, `denied`…
 */
export async function headObject(
  connection: GcsConnection,
  key: string,
  signal: AbortSignal,
): Promise<ObjectStat | undefined> {
  const action = `head ${key}`;
  const path = objectPath(connection, key);
  try {
    return await connection.send({ action, signal }, { method: 'HEAD', path }, async answer => {
      await readNothing(answer);
      return statOf(key, answer.headers);
    });
  } catch (error) {
    if (!isStoreError(error, 'absent')) throw error;
  }
  try {
    const headers = rangeHeader({ start: 0, end: 1 });
    return await connection.send({ action, signal }, { method: 'GET', path, headers }, answer => {
      answer.body.destroy();
      return statOf(key, answer.headers);
    });
  } catch (error) {
    if (isStoreError(error, 'absent')) return undefined;
    throw error;
  }
}

function rangeHeader(range: GetOptions['range']): Record<string, string> | undefined {
  if (range === undefined) return undefined;
  return { range: `bytes=${range.start}-${range.end === undefined ? '' : range.end - 1}` };
}

const metadataPrefix = 'x-goog-meta-';

function statOf(key: string, headers: IncomingHttpHeaders): ObjectStat {
  const metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (name.startsWith(metadataPrefix)) metadata[name.slice(metadataPrefix.length)] = String(value);
  return {
    key,
    sizeBytes: wholeSizeBytes(headers),
    modified: new Date(headers['last-modified'] ?? 0),
    metadata: Object.freeze(metadata),
  };
}

/** `bytes 0-9/1234` (RFC 9110 §14.4), or the length of a whole body. */
function wholeSizeBytes(headers: IncomingHttpHeaders): number {
  const total = headers['content-range']?.split('/')[1];
  if (total !== undefined && total !== '*') return Number(total);
  return Number(headers['content-length'] ?? headers['x-goog-stored-content-length'] ?? 0);
}

interface Arriving {
  readonly body: IncomingMessage;
  readonly headers: IncomingHttpHeaders;
  readonly signal: AbortSignal;
}

async function* readBody(
  { bucket }: GcsConnection,
  key: string,
  { body, headers, signal }: Arriving,
): AsyncGenerator<Uint8Array> {
  const expectedCrc = headers['content-range'] === undefined ? crc32cIn(headers['x-goog-hash']) : undefined;
  const crc = expectedCrc === undefined ? undefined : new Crc32c();
  const announced = headers['content-length'];
  let receivedBytes = 0;
  const onAbort = () => body.destroy(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      receivedBytes += chunk.length;
      crc?.update(chunk);
      yield chunk;
    }
  } catch (error) {
    throw gcsError(error, { action: `get ${key} after ${receivedBytes} bytes`, bucket, signal });
  } finally {
    signal.removeEventListener('abort', onAbort);
    body.destroy();
  }
  if (announced !== undefined && receivedBytes !== Number(announced))
    throw new StoreError('damaged', `get ${key}: ${receivedBytes} bytes came instead of ${announced}`);
  if (crc !== undefined && crc.toBase64() !== expectedCrc)
    throw new StoreError(
      'damaged',
      `get ${key}: the bytes do not match the CRC-32C that the service keeps of them`,
    );
}
