/** Reading from Google Cloud Storage: bytes are counted, and a whole object is checked with the service's CRC-32C. */
import type { IncomingHttpHeaders } from 'node:http';
import { rangeHeader, readArriving, wholeSizeBytes, type BodyChecksum } from '../driver-kit/arriving-body.ts';
import { assertRange } from '../driver-kit/body.ts';
import { headOrGet } from '../driver-kit/unless-absent.ts';
import type { GetOptions, ObjectStat, StoredObject } from '../store.ts';
import { Crc32c, crc32cIn } from './checksum.ts';
import { objectPath, discardBody, type GcsConnection } from './connection.ts';
import { gcsError } from './error.ts';

/** @throws StoreError as `Store.get` */
export async function getObject(
  connection: GcsConnection,
  key: string,
  { range, signal }: GetOptions,
): Promise<StoredObject> {
  assertRange(key, range);
  const answer = await connection.send(
    { action: `get ${key}`, signal },
    { method: 'GET', path: objectPath(connection, key), headers: rangeHeaders(range) },
    answer => answer,
  );
  return {
    stat: statOf(key, answer.headers),
    body: readArriving({
      key,
      body: answer.body,
      signal,
      announcedBytes: lengthOf(answer.headers),
      checksum: checksumOfWhole(answer.headers),
      toError: (error, action) => gcsError(error, { action, bucket: connection.bucket, signal }),
    }),
  };
}

/** @throws StoreError `no-container`, `denied`… */
export async function headObject(
  connection: GcsConnection,
  key: string,
  signal: AbortSignal,
): Promise<ObjectStat | undefined> {
  const call = { action: `head ${key}`, signal };
  const path = objectPath(connection, key);
  return await headOrGet(
    () =>
      connection.send(call, { method: 'HEAD', path }, async answer => {
        await discardBody(answer);
        return statOf(key, answer.headers);
      }),
    () =>
      connection.send(call, { method: 'GET', path, headers: rangeHeaders({ start: 0, end: 1 }) }, answer => {
        answer.body.destroy();
        return statOf(key, answer.headers);
      }),
  );
}

function rangeHeaders(range: GetOptions['range']): Record<string, string> | undefined {
  return range && { range: rangeHeader(range) };
}

const metadataPrefix = 'x-goog-meta-';

function statOf(key: string, headers: IncomingHttpHeaders): ObjectStat {
  const metadata: Record<string, string> = {};
  const tier = headers['x-goog-storage-class'];
  for (const [name, value] of Object.entries(headers))
    if (name.startsWith(metadataPrefix)) metadata[name.slice(metadataPrefix.length)] = String(value);
  return {
    key,
    sizeBytes: sizeOf(headers),
    modified: new Date(headers['last-modified'] ?? 0),
    metadata: Object.freeze(metadata),
    // Objects of every class can be read at once, also of ARCHIVE ("Storage classes").
    ...(typeof tier === 'string' && { tier }),
  };
}

function sizeOf(headers: IncomingHttpHeaders): number {
  const length = Number(headers['content-length'] ?? headers['x-goog-stored-content-length'] ?? 0);
  return wholeSizeBytes(headers['content-range'], length);
}

function lengthOf({ 'content-length': length }: IncomingHttpHeaders): number | undefined {
  return length === undefined ? undefined : Number(length);
}

function checksumOfWhole(headers: IncomingHttpHeaders): BodyChecksum | undefined {
  const expected = headers['content-range'] === undefined ? crc32cIn(headers['x-goog-hash']) : undefined;
  if (expected === undefined) return undefined;
  const crc = new Crc32c();
  return {
    description: 'CRC-32C that the service keeps of them',
    update: chunk => void crc.update(chunk),
    matches: () => crc.toBase64() === expected,
  };
}
