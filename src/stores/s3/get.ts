/** Reading from S3: bytes are counted, and checked with the service's CRC-32 where it has one of the whole object. */
import { Readable } from 'node:stream';
import { GetObjectCommand, HeadObjectCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { crc32 } from '../../base/checksum/crc32.ts';
import { rangeHeader, readArriving, wholeSizeBytes, type BodyChecksum } from '../driver-kit/arriving-body.ts';
import { assertRange } from '../driver-kit/body.ts';
import { crcToBase64 } from '../driver-kit/crc-base64.ts';
import { headOrGet } from '../driver-kit/unless-absent.ts';
import {
  StoreError,
  type CallOptions,
  type GetOptions,
  type ObjectStat,
  type StoredObject,
} from '../store.ts';
import type { S3Connection } from './connection.ts';
import { s3Error } from './error.ts';
import { contentParameters } from './parameters.ts';
import { tierOf, type S3Tier } from './tier.ts';
import { setHeader } from './payload.ts';

/** Undefined: the version that the bucket shows. */
export interface OfVersion {
  readonly versionId?: string | undefined;
}

export function versionParameter({ versionId }: OfVersion): { VersionId?: string } {
  return versionId === undefined ? {} : { VersionId: versionId };
}

/** @throws StoreError as `Store.get` */
export async function getObject(
  connection: S3Connection,
  key: string,
  options: GetOptions & OfVersion,
): Promise<StoredObject> {
  assertRange(key, options.range);
  const { signal } = options;
  const output = await connection.send({ action: `get ${key}`, signal }, async abortSignal => {
    const command = new GetObjectCommand({
      Bucket: connection.bucket,
      Key: connection.fullKey(key),
      ...versionParameter(options),
      ...contentParameters(connection.objects),
      ...(options.range && { Range: rangeHeader(options.range) }),
    });
    // The header is set without the SDK, whose own check is slow and takes no signal.
    if (options.range === undefined) setHeader(command, 'x-amz-checksum-mode', 'ENABLED');
    return await connection.client.send(command, { abortSignal });
  });
  const { Body: body } = output;
  if (!(body instanceof Readable)) throw new StoreError('invalid', `get ${key}: the service gave no body`);
  return {
    stat: statOf(key, output, sizeOf(output)),
    body: readArriving({
      key,
      body,
      signal,
      announcedBytes: output.ContentLength,
      checksum: checksumOfWhole(output),
      toError: (error, action) => s3Error(error, { action, bucket: connection.bucket, signal }),
    }),
  };
}

/** @throws StoreError `no-container`, `denied`… */
export async function headObject(
  connection: S3Connection,
  key: string,
  options: CallOptions & OfVersion,
): Promise<ObjectStat | undefined> {
  const { signal } = options;
  const call = { action: `head ${key}`, signal };
  const parameters = {
    Bucket: connection.bucket,
    Key: connection.fullKey(key),
    ...versionParameter(options),
    ...contentParameters(connection.objects),
  };
  return await headOrGet(
    async () => {
      const output = await connection.send(call, abortSignal =>
        connection.client.send(new HeadObjectCommand(parameters), { abortSignal }),
      );
      return statOf(key, output, output.ContentLength ?? 0);
    },
    async () => {
      const output = await connection.send(call, abortSignal =>
        connection.client.send(new GetObjectCommand({ ...parameters, Range: 'bytes=0-0' }), { abortSignal }),
      );
      if (output.Body instanceof Readable) output.Body.destroy();
      return statOf(key, output, sizeOf(output));
    },
  );
}

function sizeOf({ ContentRange, ContentLength = 0 }: GetObjectCommandOutput): number {
  return wholeSizeBytes(ContentRange, ContentLength);
}

interface Described extends S3Tier {
  readonly LastModified?: Date | undefined;
  readonly Metadata?: Record<string, string> | undefined;
}

function statOf(key: string, described: Described, sizeBytes: number): ObjectStat {
  const { LastModified, Metadata } = described;
  return {
    key,
    sizeBytes,
    modified: LastModified ?? new Date(0),
    metadata: Object.freeze({ ...Metadata }),
    ...tierOf(described),
  };
}

/** The checksum of the whole object. A checksum of checksums (`…-3`, from multipart uploads) cannot check a stream. */
function checksumOfWhole({
  ChecksumCRC32: expected,
  ChecksumType,
  ContentRange,
}: GetObjectCommandOutput): BodyChecksum | undefined {
  if (expected === undefined || ChecksumType === 'COMPOSITE' || ContentRange !== undefined) return undefined;
  if (expected.includes('-')) return undefined;
  let crc = 0;
  return {
    description: 'CRC-32 that the service keeps of them',
    update(chunk) {
      crc = crc32(chunk, crc);
    },
    matches: () => crcToBase64(crc) === expected,
  };
}
