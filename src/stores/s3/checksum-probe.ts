/** Probes whether the service verifies the checksum that protects bodies on their way. */
import { createHash } from 'node:crypto';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { isWrongChecksumRefused } from '../driver-kit/checksum-probe.ts';
import { isStoreError } from '../store.ts';
import type { S3Connection } from './connection.ts';
import { deleteObjects } from './delete.ts';
import { s3Code } from './error.ts';
import { contentParameters } from './parameters.ts';
import { checksumOf, protectPayload } from './payload.ts';

/** Tries the checksum that this store uses: the SHA-256 of the signature, or the CRC-32 alone. */
export async function refusesWrongChecksum(
  connection: S3Connection,
  key: string,
  signal: AbortSignal,
): Promise<boolean> {
  return await isWrongChecksumRefused({
    send: body => putWithWrongChecksum(connection, key, body, signal),
    remove: () => deleteObjects(connection, [key], signal),
    // `invalid` without a code of the service has another reason.
    isRefusal: error =>
      isStoreError(error, 'damaged') || (isStoreError(error, 'invalid') && s3Code(error) !== undefined),
  });
}

async function putWithWrongChecksum(
  connection: S3Connection,
  key: string,
  body: Buffer,
  signal: AbortSignal,
): Promise<void> {
  const wrongSha256 = createHash('sha256').update('something else').digest('hex');
  await connection.send({ action: `put ${key}`, signal }, async abortSignal => {
    const command = new PutObjectCommand({
      Bucket: connection.bucket,
      Key: connection.fullKey(key),
      Body: body,
      ...contentParameters(connection.objects),
      ...checksumOf([body]),
      ...(connection.payload === 'unsigned' && { ChecksumCRC32: 'AAAAAA==' }),
    });
    protectPayload(connection, command, [body], wrongSha256);
    await connection.client.send(command, { abortSignal });
  });
}
