/** A new object besides its bytes: metadata, storage class, encryption, tags, lock, and the condition. */
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { storageClassFor } from '../driver-kit/service-options.ts';
import { unlessAbsent } from '../driver-kit/unless-absent.ts';
import { StoreError, type PutOptions } from '../store.ts';
import type { S3Connection } from './connection.ts';
import { s3Code } from './error.ts';
import { contentParameters, type S3ObjectOptions } from './parameters.ts';

/** For requests that begin an object: PutObject and CreateMultipartUpload. */
export function creationParameters(
  options: S3ObjectOptions,
  put: Pick<PutOptions, 'metadata' | 'objectClass' | 'isTransient'>,
) {
  const { metadata, objectClass } = put;
  const { storageClasses, tags } = options;
  const retention = retentionOf(options, put);
  const storageClass = storageClassFor(objectClass, storageClasses);
  return {
    ...contentParameters(options),
    ...encryptionParameters(options),
    ...(metadata && { Metadata: { ...metadata } }),
    // Cast: services other than Amazon's have classes of their own.
    ...(storageClass !== undefined && { StorageClass: storageClass as 'STANDARD' }),
    ...(tags && { Tagging: taggingOf(tags) }),
    ...(retention && {
      ObjectLockMode: retention.Mode,
      ObjectLockRetainUntilDate: retention.RetainUntilDate,
    }),
  };
}

/** The lock of an object that is written now. Undefined: none is configured, or the object is deleted again at once. */
export function retentionOf({ lock }: S3ObjectOptions, { isTransient }: Pick<PutOptions, 'isTransient'>) {
  if (lock === undefined || isTransient === true) return undefined;
  return {
    Mode: lock.mode === 'governance' ? ('GOVERNANCE' as const) : ('COMPLIANCE' as const),
    RetainUntilDate: new Date(Date.now() + lock.periodMs),
  };
}

/** A blank is written as `%20`: not every service reads `+` as one. */
function taggingOf(tags: ReadonlyMap<string, string>): string {
  return [...tags].map(pair => pair.map(encodeURIComponent).join('=')).join('&');
}

function encryptionParameters({ encryption }: S3ObjectOptions) {
  if (encryption === undefined || encryption.kind === 'customer') return {};
  if (encryption.kind === 's3') return { ServerSideEncryption: 'AES256' as const };
  return {
    ServerSideEncryption: encryption.kind === 'kms' ? ('aws:kms' as const) : ('aws:kms:dsse' as const),
    ...(encryption.keyId !== undefined && { SSEKMSKeyId: encryption.keyId }),
  };
}

export interface S3PutSettings {
  readonly conditionalCreate: 'atomic' | 'none';
}

export function ifNoneMatch(options: PutOptions & S3PutSettings): { IfNoneMatch?: '*' } {
  return options.ifAbsent && options.conditionalCreate === 'atomic' ? { IfNoneMatch: '*' } : {};
}

/** 409: another writer of the same key was at work at this very moment, and nothing is decided yet. */
export function isCreationConflict(error: unknown): boolean {
  const code = s3Code(error);
  return code === 'ConditionalRequestConflict' || code === 'OperationAborted';
}

/** For services that know no conditions. Another writer may come between this look and the put: the capability `none` says so. */
export async function assertAbsent(
  connection: S3Connection,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  const found = await unlessAbsent(
    connection.send({ action: `put ${key}`, signal }, abortSignal =>
      connection.client.send(
        new HeadObjectCommand({
          Bucket: connection.bucket,
          Key: connection.fullKey(key),
          ...contentParameters(connection.objects),
        }),
        { abortSignal },
      ),
    ),
  );
  if (found !== undefined) throw new StoreError('exists', `put ${key}: already exists`);
}
