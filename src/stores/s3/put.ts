/**
 * Writing to S3. A body in memory, or one that fits into one part, goes as one PUT, a longer stream as a multipart upload.
 * Both use `If-None-Match: *`, so that the service itself decides which writer was first.
 */
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { sleep } from '../../base/time/wait.ts';
import { putBody } from '../driver-kit/put-body.ts';
import type { PutBody, PutOptions } from '../store.ts';
import {
  assertAbsent,
  creationParameters,
  ifNoneMatch,
  isCreationConflict,
  type S3PutSettings,
} from './creation.ts';
import type { S3Connection } from './connection.ts';
import { maxParts, putInParts } from './put-parts.ts';
import { bodyOf, checksumOf, protectPayload } from './payload.ts';

/** How often a put is tried when S3 answers 409: another writer wrote the same key at the same moment. */
const conflictAttempts = 6;

/** @throws StoreError as `Store.put` */
export async function putObject(
  connection: S3Connection,
  key: string,
  body: PutBody,
  options: PutOptions & S3PutSettings & { readonly partSizeBytes: number },
): Promise<void> {
  if (options.ifAbsent && options.conditionalCreate === 'none')
    await assertAbsent(connection, key, options.signal);
  await putBody(key, body, {
    ...options,
    maxParts,
    writeWhole: body => putWhole(connection, key, body, options),
    writeInParts: body => putInParts(connection, key, body, options),
  });
}

async function putWhole(
  connection: S3Connection,
  key: string,
  body: readonly Uint8Array[],
  options: PutOptions & S3PutSettings,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await connection.send(
        { action: `put ${key}`, signal: options.signal, limit: 'idle' },
        async abortSignal => {
          const command = new PutObjectCommand({
            Bucket: connection.bucket,
            Key: connection.fullKey(key),
            Body: bodyOf(body),
            ContentLength: body.reduce((total, chunk) => total + chunk.length, 0),
            ...checksumOf(body),
            ...creationParameters(connection.objects, options),
            ...ifNoneMatch(options),
          });
          protectPayload(connection, command, body, options.sha256);
          await connection.client.send(command, { abortSignal });
        },
      );
      return;
    } catch (error) {
      if (!isCreationConflict(error) || attempt === conflictAttempts) throw error;
      await sleep(50 * 2 ** attempt * Math.random(), options.signal);
    }
  }
}
