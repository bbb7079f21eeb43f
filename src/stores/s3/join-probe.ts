/** Probes whether the service applies `If-None-Match` when it joins the parts of an upload. Ceph does from release 20 on. */
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { tidyUp } from '../driver-kit/tidy-up.ts';
import { isStoreError } from '../store.ts';
import { creationParameters, isCreationConflict } from './creation.ts';
import type { S3Connection } from './connection.ts';
import { deleteObjects } from './delete.ts';
import { abortUpload } from './put-parts.ts';
import { contentParameters } from './parameters.ts';
import { checksumOf, protectPayload } from './payload.ts';
import { putObject } from './put.ts';

/** True if the service refuses an upload of one small part to a key that is taken. */
export async function joinsOnlyIfAbsent(
  connection: S3Connection,
  key: string,
  signal: AbortSignal,
): Promise<boolean> {
  await putObject(connection, key, [Buffer.from('what is there')], {
    ifAbsent: true,
    objectClass: 'catalog',
    isTransient: true,
    conditionalCreate: 'atomic',
    partSizeBytes: 1,
    signal,
  });
  try {
    return !(await isReplacedByUpload(connection, key, signal));
  } finally {
    await deleteObjects(connection, [key], signal);
  }
}

async function isReplacedByUpload(
  connection: S3Connection,
  key: string,
  signal: AbortSignal,
): Promise<boolean> {
  const object = { Bucket: connection.bucket, Key: connection.fullKey(key) };
  const probe = { objectClass: 'catalog', isTransient: true } as const;
  const body = Buffer.from('what comes too late');
  const step = <T>(work: (abortSignal: AbortSignal) => Promise<T>) =>
    connection.send({ action: `put ${key}`, signal }, work);
  const { UploadId: uploadId = '' } = await step(abortSignal =>
    connection.client.send(
      new CreateMultipartUploadCommand({
        ...object,
        ...creationParameters(connection.objects, probe),
        ChecksumAlgorithm: 'CRC32',
      }),
      { abortSignal },
    ),
  );
  try {
    const checksum = checksumOf([body]);
    const upload = { ...object, ...contentParameters(connection.objects), UploadId: uploadId };
    const { ETag } = await step(async abortSignal => {
      const command = new UploadPartCommand({ ...upload, PartNumber: 1, Body: body, ...checksum });
      protectPayload(connection, command, [body]);
      return await connection.client.send(command, { abortSignal });
    });
    const part = { PartNumber: 1, ETag, ChecksumCRC32: checksum.ChecksumCRC32 };
    await step(abortSignal =>
      connection.client.send(
        new CompleteMultipartUploadCommand({
          ...upload,
          MultipartUpload: { Parts: [part] },
          IfNoneMatch: '*',
        }),
        { abortSignal },
      ),
    );
    return true;
  } catch (error) {
    await tidyUp(signal => abortUpload({ connection, key, uploadId }, signal));
    if (isStoreError(error, 'exists') || isCreationConflict(error)) return false;
    throw error;
  }
}
