/** Whether the service looks at the checksum that protects bodies on their way to it. */
import { createHash } from 'node:crypto';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { isStoreError, type CallOptions } from '../store.ts';
import type { S3Connection } from './connection.ts';
import { deleteObjects } from './delete.ts';
import { s3Code } from './error.ts';
import { contentParameters } from './parameters.ts';
import { checksumOf, protectPayload } from './payload.ts';

/** Whichever the bodies are sent with: the SHA-256 of the signature, or the CRC-32 alone. */
export async function refusesWrongChecksum(
  connection: S3Connection,
  key: string,
  options: CallOptions,
): Promise<boolean> {
  const body = Buffer.from('walvault sends this with a wrong checksum');
  const wrongSha256 = createHash('sha256').update('something else').digest('hex');
  const isSigned = connection.payload === 'signed';
  const { signal } = options;
  try {
    await connection.send({ action: `put ${key}`, signal }, async abortSignal => {
      const command = new PutObjectCommand({
        Bucket: connection.bucket,
        Key: connection.fullKey(key),
        Body: body,
        ...contentParameters(connection.objects),
        ...checksumOf([body]),
        ...(!isSigned && { ChecksumCRC32: 'AAAAAA==' }),
      });
      protectPayload(connection, command, [body], wrongSha256);
      await connection.client.send(command, { abortSignal });
    });
  } catch (error) {
    if (isStoreError(error, 'damaged') || (isStoreError(error, 'invalid') && s3Code(error) !== undefined))
      return true;
    throw error;
  }
  await deleteObjects(connection, [key], options);
  return false;
}
