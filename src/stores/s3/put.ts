/**
 * Writing to S3. What is in memory or fits one part goes as one PUT; a longer stream goes as a multipart upload. Both are created with
 * `If-None-Match: *`, so that the service itself decides who was first.
 */
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { sleep } from '../../base/time/wait.ts';
import { announcedSizeBytes, BodyCheck, isOneRequest, streamOfBody } from '../body.ts';
import { PartReader } from '../driver-kit/part-reader.ts';
import { retryTransient } from '../driver-kit/retry.ts';
import type { PutBody, PutOptions } from '../store.ts';
import { assertAbsent, ifNoneMatch, isCreationConflict, type S3PutSettings } from './condition.ts';
import type { S3Connection } from './connection.ts';
import { putMultipart } from './multipart.ts';
import { creationParameters } from './parameters.ts';
import { partSizeFor } from './parts.ts';
import { bodyOf, checksumOf, protectPayload } from './payload.ts';

/** Two writers at the very same moment: S3 answers one of them 409 and asks it to come again. */
const conflictAttempts = 6;

/** @throws StoreError as `Store.put` */
export async function putObject(
  connection: S3Connection,
  key: string,
  body: PutBody,
  options: PutOptions & S3PutSettings,
): Promise<void> {
  if (options.ifAbsent && options.conditionalCreate === 'none')
    await assertAbsent(connection, key, options.signal);
  const sizeBytes = options.sizeBytes ?? announcedSizeBytes(body, options);
  const check = new BodyCheck(key, { ...options, sizeBytes });
  if (isOneRequest(body, options)) {
    for (const chunk of body) check.update(chunk);
    check.finish();
    await putWhole(connection, key, body, options);
    return;
  }
  const parts = new PartReader(streamOfBody(body), check, partSizeFor(sizeBytes, options.partSizeBytes));
  try {
    const first = await parts.next(options.signal);
    // A stream is ours to repeat while it is in our hands: the retry decorator cannot.
    if (first === undefined || first.isLast) {
      check.finish();
      await retryTransient(
        () => putWhole(connection, key, first === undefined ? [] : [first.data], options),
        options.signal,
      );
    } else {
      await putMultipart(connection, key, { first, parts, check }, options);
    }
  } finally {
    await parts.close();
  }
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
