/** Deleting in S3: a thousand keys a request, each with its own verdict. */
import { createHash } from 'node:crypto';
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  type DeleteObjectsCommandOutput,
} from '@aws-sdk/client-s3';
import { separateKeys } from '../key.ts';
import { isStoreError, StoreError, type CallOptions, type DeleteFailure } from '../store.ts';
import type { S3Connection } from './s3-connection.ts';
import { s3Code } from './s3-error.ts';

/** S3's own limit (API reference, DeleteObjects). */
const keysPerRequest = 1000;

/** @throws StoreError when a whole request fails: `unreachable`, `no-container`, `denied`… */
export async function deleteObjects(
  connection: S3Connection,
  keys: readonly string[],
  options: CallOptions,
): Promise<DeleteFailure[]> {
  const { legal, failures } = separateKeys(keys);
  for (let at = 0; at < legal.length; at += keysPerRequest)
    failures.push(...(await deleteBatch(connection, legal.slice(at, at + keysPerRequest), options.signal)));
  return failures;
}

async function deleteBatch(
  connection: S3Connection,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<DeleteFailure[]> {
  let output: DeleteObjectsCommandOutput;
  try {
    output = await sendBatch(connection, keys, signal, false);
  } catch (error) {
    const code = s3Code(error);
    if (code === 'NotImplemented') return await deleteEach(connection, keys, signal);
    // Older services insist on the MD5 that Amazon's own stopped asking for.
    if (code !== 'MissingContentMD5' && code !== 'InvalidRequest' && code !== 'InvalidDigest') throw error;
    output = await sendBatch(connection, keys, signal, true);
  }
  const baseLength = connection.fullKey('').length;
  return (output.Errors ?? [])
    .filter(failure => failure.Code !== 'NoSuchKey')
    .map(({ Key = '', Code = 'unknown', Message = '' }) => {
      const key = Key.slice(baseLength);
      const kind = Code === 'AccessDenied' ? 'denied' : Code === 'SlowDown' || Code === 'ServiceUnavailable' ? 'throttled' : Code === 'InternalError' ? 'unreachable' : 'invalid'; // prettier-ignore
      return { key, error: new StoreError(kind, `delete ${key}: ${Code} ${Message}`.trim()) };
    });
}

async function sendBatch(
  connection: S3Connection,
  keys: readonly string[],
  signal: AbortSignal,
  withMd5: boolean,
): Promise<DeleteObjectsCommandOutput> {
  return await connection.send({ action: `delete ${keys.length} objects`, signal }, async abortSignal => {
    const command = new DeleteObjectsCommand({
      Bucket: connection.bucket,
      Delete: { Quiet: true, Objects: keys.map(key => ({ Key: connection.fullKey(key) })) },
    });
    if (withMd5) addContentMd5(command);
    return await connection.client.send(command, { abortSignal });
  });
}

function addContentMd5(command: DeleteObjectsCommand): void {
  command.middlewareStack.add(
    next => async args => {
      const request = args.request as { body: string; headers: Record<string, string> };
      request.headers['content-md5'] = createHash('md5').update(request.body).digest('base64');
      return await next(args);
    },
    { step: 'build', priority: 'low', name: 'set-content-md5' },
  );
}

async function deleteEach(
  connection: S3Connection,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<DeleteFailure[]> {
  const failures: DeleteFailure[] = [];
  for (const key of keys) {
    try {
      await connection.send({ action: `delete ${key}`, signal }, abortSignal =>
        connection.client.send(
          new DeleteObjectCommand({ Bucket: connection.bucket, Key: connection.fullKey(key) }),
          { abortSignal },
        ),
      );
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (!isStoreError(error, 'absent')) failures.push({ key, error });
    }
  }
  return failures;
}
