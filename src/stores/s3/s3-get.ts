/** Reading from S3: what arrives is counted, and checked against the service's CRC-32 where it has one of the whole. */
import { crc32 } from 'node:zlib';
import { Readable } from 'node:stream';
import { GetObjectCommand, HeadObjectCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { assertRange } from '../body.ts';
import { isStoreError, StoreError, type GetOptions, type ObjectStat, type StoredObject } from '../store.ts';
import type { S3Connection } from './s3-connection.ts';
import { s3Error } from './s3-error.ts';
import { contentParameters } from './s3-parameters.ts';
import { encodeCrc32, setHeader } from './s3-payload.ts';

/** @throws StoreError as `Store.get` */
export async function getObject(
  connection: S3Connection,
  key: string,
  options: GetOptions,
): Promise<StoredObject> {
  assertRange(key, options.range);
  const { signal } = options;
  const output = await connection.send({ action: `get ${key}`, signal }, async abortSignal => {
    const command = new GetObjectCommand({
      Bucket: connection.bucket,
      Key: connection.fullKey(key),
      ...contentParameters(connection.objects),
      ...(options.range && { Range: rangeHeader(options.range) }),
    });
    // Asked for behind the SDK's back: its own check runs in slow code and knows no signal.
    if (options.range === undefined) setHeader(command, 'x-amz-checksum-mode', 'ENABLED');
    return await connection.client.send(command, { abortSignal });
  });
  const { Body: body } = output;
  if (!(body instanceof Readable)) throw new StoreError('invalid', `get ${key}: the service gave no body`);
  return {
    stat: statOf(key, output, wholeSizeBytes(output)),
    body: readBody(connection, key, { body, output, signal }),
  };
}

/**
 * HEAD answers 404 without a word on what is missing, the key or the bucket: a GET of one byte says it.
 * @throws StoreError `no-container`, `denied`…
 */
export async function headObject(
  connection: S3Connection,
  key: string,
  signal: AbortSignal,
): Promise<ObjectStat | undefined> {
  const parameters = {
    Bucket: connection.bucket,
    Key: connection.fullKey(key),
    ...contentParameters(connection.objects),
  };
  try {
    const output = await connection.send({ action: `head ${key}`, signal }, abortSignal =>
      connection.client.send(new HeadObjectCommand(parameters), { abortSignal }),
    );
    return statOf(key, output, output.ContentLength ?? 0);
  } catch (error) {
    if (!isStoreError(error, 'absent')) throw error;
  }
  try {
    const output = await connection.send({ action: `head ${key}`, signal }, abortSignal =>
      connection.client.send(new GetObjectCommand({ ...parameters, Range: 'bytes=0-0' }), { abortSignal }),
    );
    if (output.Body instanceof Readable) output.Body.destroy();
    return statOf(key, output, wholeSizeBytes(output));
  } catch (error) {
    if (isStoreError(error, 'absent')) return undefined;
    throw error;
  }
}

function rangeHeader({ start, end }: NonNullable<GetOptions['range']>): string {
  return `bytes=${start}-${end === undefined ? '' : end - 1}`;
}

/** `bytes 0-9/1234` (RFC 9110 §14.4), or the length of a whole body. */
function wholeSizeBytes(output: GetObjectCommandOutput): number {
  const total = output.ContentRange?.split('/')[1];
  return total === undefined || total === '*' ? (output.ContentLength ?? 0) : Number(total);
}

interface Described {
  readonly LastModified?: Date | undefined;
  readonly Metadata?: Record<string, string> | undefined;
}

function statOf(key: string, { LastModified, Metadata }: Described, sizeBytes: number): ObjectStat {
  return { key, sizeBytes, modified: LastModified ?? new Date(0), metadata: Object.freeze({ ...Metadata }) };
}

interface Answer {
  readonly body: Readable;
  readonly output: GetObjectCommandOutput;
  readonly signal: AbortSignal;
}

async function* readBody(connection: S3Connection, key: string, answer: Answer): AsyncGenerator<Uint8Array> {
  const { body, output, signal } = answer;
  const expectedCrc32 = checksumOfWhole(output);
  let receivedBytes = 0;
  let crc = 0;
  const onAbort = () => body.destroy(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      receivedBytes += chunk.length;
      if (expectedCrc32 !== undefined) crc = crc32(chunk, crc);
      yield chunk;
    }
  } catch (error) {
    throw s3Error(error, {
      action: `get ${key} after ${receivedBytes} bytes`,
      bucket: connection.bucket,
      signal,
    });
  } finally {
    signal.removeEventListener('abort', onAbort);
    body.destroy();
  }
  if (output.ContentLength !== undefined && receivedBytes !== output.ContentLength)
    throw new StoreError(
      'damaged',
      `get ${key}: ${receivedBytes} bytes came instead of ${output.ContentLength}`,
    );
  if (expectedCrc32 !== undefined && encodeCrc32(crc) !== expectedCrc32)
    throw new StoreError(
      'damaged',
      `get ${key}: the bytes do not match the CRC-32 that the service keeps of them`,
    );
}

/** A checksum of checksums (`…-3`, multipart uploads) says nothing about a stream of bytes. */
function checksumOfWhole({
  ChecksumCRC32,
  ChecksumType,
  ContentRange,
}: GetObjectCommandOutput): string | undefined {
  if (ChecksumType === 'COMPOSITE' || ContentRange !== undefined) return undefined;
  return ChecksumCRC32?.includes('-') === true ? undefined : ChecksumCRC32;
}
