/** "Create only if absent", decided by the service. */
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { isStoreError, StoreError, type PutOptions } from '../store.ts';
import type { S3Connection } from './connection.ts';
import { s3Code } from './error.ts';
import { contentParameters } from './parameters.ts';

export interface S3PutSettings {
  readonly conditionalCreate: 'atomic' | 'none';
  readonly partSizeBytes: number;
}

export function ifNoneMatch(options: PutOptions & S3PutSettings): { IfNoneMatch?: '*' } {
  return options.ifAbsent && options.conditionalCreate === 'atomic' ? { IfNoneMatch: '*' } : {};
}

/** 409: another writer of the same key was at work at this very moment, and nothing is decided yet. */
export function isCreationConflict(error: unknown): boolean {
  const code = s3Code(error);
  return code === 'ConditionalRequestConflict' || code === 'OperationAborted';
}

/** All that can be done where the service knows no conditions. The capability `none` says that it decides no race. */
export async function assertAbsent(
  connection: S3Connection,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await connection.send({ action: `put ${key}`, signal }, abortSignal =>
      connection.client.send(
        new HeadObjectCommand({
          Bucket: connection.bucket,
          Key: connection.fullKey(key),
          ...contentParameters(connection.objects),
        }),
        { abortSignal },
      ),
    );
  } catch (error) {
    if (isStoreError(error, 'absent')) return;
    throw error;
  }
  throw new StoreError('exists', `put ${key}: already exists`);
}
