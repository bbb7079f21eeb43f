/** The parameters of a new object: metadata, storage class, encryption, tags, lock, and the condition. */
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { storageClassFor } from '../driver-kit/service-options.ts';
import { unlessAbsent } from '../driver-kit/unless-absent.ts';
import { StoreError, type PutOptions } from '../store.ts';
import type { S3Connection } from './connection.ts';
import { s3Code } from './error.ts';
import { contentParameters, type S3ObjectOptions } from './parameters.ts';

/** The parameters of PutObject and CreateMultipartUpload. */
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

/** The lock of a new object. Undefined: no lock is configured, or the object is a probe that is deleted at once. */
export function retentionOf({ lock }: S3ObjectOptions, { isTransient }: Pick<PutOptions, 'isTransient'>) {
  if (lock === undefined || isTransient === true) return undefined;
  return {
    Mode: lock.mode === 'governance' ? ('GOVERNANCE' as const) : ('COMPLIANCE' as const),
    RetainUntilDate: new Date(Date.now() + lock.periodMs),
  };
}

/** The tags as a header. A space is written as `%20`, because not every service accepts `+`. */
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

/** True for 409: another writer wrote the same key at this very moment, and neither has won yet. */
export function isCreationConflict(error: unknown): boolean {
  const code = s3Code(error);
  return code === 'ConditionalRequestConflict' || code === 'OperationAborted';
}

/** Checks before a put, for services without conditions. Another writer may come in between: hence the capability `none`. */
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
