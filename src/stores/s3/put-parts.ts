/**
 * A multipart upload of a stream that can be read only once. Parts are repeated while they are in memory. Any failure
 * aborts the upload, so that no part of it stays visible or costs money.
 */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectRetentionCommand,
  UploadPartCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3';
import { uploadParts } from '../driver-kit/part-upload.ts';
import type { LongBody } from '../driver-kit/put-body.ts';
import { retryTransient } from '../driver-kit/retry.ts';
import { tidyUp } from '../driver-kit/tidy-up.ts';
import { isStoreError, StoreError, type PutOptions } from '../store.ts';
import {
  assertAbsent,
  creationParameters,
  ifNoneMatch,
  isCreationConflict,
  retentionOf,
  type S3PutSettings,
} from './creation.ts';
import type { S3Connection } from './connection.ts';
import { s3Code } from './error.ts';
import { headObject } from './get.ts';
import { contentParameters, requestParameters } from './parameters.ts';
import { checksumOf, protectPayload } from './payload.ts';

/** S3's limit on parts ("Amazon S3 multipart upload limits"). */
export const maxParts = 10_000;

interface Upload {
  readonly connection: S3Connection;
  readonly key: string;
  readonly uploadId: string;
}

export async function putInParts(
  connection: S3Connection,
  key: string,
  body: LongBody,
  options: PutOptions & S3PutSettings,
): Promise<void> {
  const uploadId = await createUpload(connection, key, options);
  const upload = { connection, key, uploadId };
  try {
    const completed = await sendParts(upload, body, options.signal);
    body.check.finish();
    if (options.ifAbsent) await assertStillAbsent(upload, options);
    await completeUpload(upload, completed, options);
  } catch (error) {
    await tidyUp(signal => abortUpload(upload, signal));
    throw error;
  }
}

async function createUpload(connection: S3Connection, key: string, options: PutOptions): Promise<string> {
  const { signal } = options;
  const create = () =>
    connection.send({ action: `put ${key}`, signal }, abortSignal =>
      connection.client.send(
        new CreateMultipartUploadCommand({
          Bucket: connection.bucket,
          Key: connection.fullKey(key),
          ChecksumAlgorithm: 'CRC32',
          ...creationParameters(connection.objects, options),
        }),
        { abortSignal },
      ),
    );
  const { UploadId } = await retryTransient(create, signal);
  if (UploadId === undefined) throw new StoreError('invalid', `put ${key}: the service gave no upload id`);
  return UploadId;
}

async function sendParts(
  upload: Upload,
  { first, parts }: LongBody,
  signal: AbortSignal,
): Promise<CompletedPart[]> {
  const completed: CompletedPart[] = [];
  await uploadParts(parts, first, {
    signal,
    async send(data, number, either) {
      if (number > maxParts)
        throw new StoreError(
          'invalid',
          `put ${upload.key}: longer than ${maxParts} parts; announce its size`,
        );
      completed.push(await sendPart(upload, data, { number, signal: either }));
    },
  });
  return completed.sort((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0));
}

async function sendPart(
  { connection, key, uploadId }: Upload,
  data: Uint8Array,
  { number, signal }: { readonly number: number; readonly signal: AbortSignal },
): Promise<CompletedPart> {
  const checksum = checksumOf([data]);
  const { ETag } = await retryTransient(
    () =>
      connection.send({ action: `put ${key} part ${number}`, signal, limit: 'idle' }, async abortSignal => {
        const command = new UploadPartCommand({
          Bucket: connection.bucket,
          Key: connection.fullKey(key),
          UploadId: uploadId,
          PartNumber: number,
          Body: data,
          ContentLength: data.length,
          ...checksum,
          ...contentParameters(connection.objects),
        });
        protectPayload(connection, command, [data]);
        return await connection.client.send(command, { abortSignal });
      }),
    signal,
  );
  return { PartNumber: number, ETag, ChecksumCRC32: checksum.ChecksumCRC32 };
}

/**
 * Checks again just before the end of an upload, where Ceph before release 20 ignores the condition: only a race of
 * milliseconds is left. Without permission to look, the service alone decides.
 */
async function assertStillAbsent({ connection, key }: Upload, options: PutOptions): Promise<void> {
  try {
    await retryTransient(() => assertAbsent(connection, key, options.signal), options.signal);
  } catch (error) {
    if (!isStoreError(error, 'denied')) throw error;
  }
}

/**
 * Completes the upload, again after a lost answer. The second request may find our own object (412) or no upload (404):
 * both are `exists`, and the write id in the metadata tells the caller whose object it is.
 */
async function completeUpload(
  upload: Upload,
  parts: CompletedPart[],
  options: PutOptions & S3PutSettings,
): Promise<void> {
  const { connection, key, uploadId } = upload;
  const { signal } = options;
  try {
    const { VersionId } = await retryTransient(
      () =>
        connection.send({ action: `put ${key}`, signal, limit: 'idle' }, abortSignal =>
          connection.client.send(
            new CompleteMultipartUploadCommand({
              Bucket: connection.bucket,
              Key: connection.fullKey(key),
              UploadId: uploadId,
              MultipartUpload: { Parts: parts },
              ...ifNoneMatch(options),
              ...contentParameters(connection.objects),
            }),
            { abortSignal },
          ),
        ),
      signal,
    );
    await lockUpload(upload, VersionId, options);
  } catch (error) {
    if (!isCreationConflict(error) && s3Code(error) !== 'NoSuchUpload') throw error;
    const isThere = (await headObject(connection, key, { signal })) !== undefined;
    if (isThere && options.ifAbsent)
      throw new StoreError('exists', `put ${key}: already exists`, { cause: error });
    if (isThere && s3Code(error) === 'NoSuchUpload') return;
    throw new StoreError('unreachable', `put ${key}: the service dropped the upload`, { cause: error });
  }
}

/** Locks the finished object, because some services accept the lock of an upload and forget it (Ceph 16). */
async function lockUpload(
  { connection, key }: Upload,
  versionId: string | undefined,
  options: PutOptions,
): Promise<void> {
  const { signal } = options;
  const retention = retentionOf(connection.objects, options);
  if (retention === undefined) return;
  const lock = () =>
    connection.send({ action: `lock ${key}`, signal }, abortSignal =>
      connection.client.send(
        new PutObjectRetentionCommand({
          Bucket: connection.bucket,
          Key: connection.fullKey(key),
          Retention: retention,
          ...(versionId !== undefined && { VersionId: versionId }),
          ...requestParameters(connection.objects),
        }),
        { abortSignal },
      ),
    );
  await retryTransient(lock, signal);
}

/** Deletes the parts. Otherwise they stay until the bucket's lifecycle rule for incomplete uploads removes them. */
export async function abortUpload({ connection, key, uploadId }: Upload, signal: AbortSignal): Promise<void> {
  await connection.send({ action: `abort the upload of ${key}`, signal }, abortSignal =>
    connection.client.send(
      new AbortMultipartUploadCommand({
        Bucket: connection.bucket,
        Key: connection.fullKey(key),
        UploadId: uploadId,
        ...requestParameters(connection.objects),
      }),
      { abortSignal },
    ),
  );
}
