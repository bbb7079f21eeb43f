/** What the configuration adds to requests: encryption by the service, storage classes, tags, locks, who pays. */
import type { Secret } from '../../base/secret.ts';
import type { PutOptions } from '../store.ts';

export interface S3ObjectOptions {
  /** The service's own names, `STANDARD_IA` and the like. The catalogue stays in the bucket's default class. */
  readonly storageClasses?:
    { readonly wal?: string | undefined; readonly backup?: string | undefined } | undefined;
  readonly encryption?: S3Encryption | undefined;
  /** At most ten (S3 user guide, "Categorizing your objects using tags"). */
  readonly tags?: ReadonlyMap<string, string> | undefined;
  readonly lock?: S3Lock | undefined;
  /** The bucket's owner lets whoever asks pay, and refuses requests that do not say that they will. */
  readonly isRequesterPays?: boolean | undefined;
}

/** `kms` without a key id: the account's key for S3. `customer`: 32 bytes in base64, sent with every request. */
export type S3Encryption =
  | { readonly kind: 's3' }
  | { readonly kind: 'kms' | 'dsse-kms'; readonly keyId: string | undefined }
  | { readonly kind: 'customer'; readonly key: Secret };

export interface S3Lock {
  readonly mode: 'governance' | 'compliance';
  /** From the moment of writing. */
  readonly periodMs: number;
}

/** For every request. */
export function requestParameters({ isRequesterPays }: S3ObjectOptions): { RequestPayer?: 'requester' } {
  return isRequesterPays === true ? { RequestPayer: 'requester' } : {};
}

/** For requests that touch the bytes of an object: GET, HEAD, PUT, each part, and the end of an upload. */
export function contentParameters(options: S3ObjectOptions) {
  const { encryption } = options;
  return {
    ...requestParameters(options),
    ...(encryption?.kind === 'customer' && {
      SSECustomerAlgorithm: 'AES256',
      SSECustomerKey: encryption.key.reveal(),
    }),
  };
}

/** For requests that begin an object: PutObject and CreateMultipartUpload. */
export function creationParameters(
  options: S3ObjectOptions,
  put: Pick<PutOptions, 'metadata' | 'objectClass' | 'isTransient'>,
) {
  const { metadata, objectClass } = put;
  const { storageClasses, tags } = options;
  const retention = retentionOf(options, put);
  const storageClass = objectClass === 'catalog' ? undefined : storageClasses?.[objectClass];
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

/** From now on. Undefined: no lock is configured, or the object is to go again at once. */
export function retentionOf({ lock }: S3ObjectOptions, { isTransient }: Pick<PutOptions, 'isTransient'>) {
  if (lock === undefined || isTransient === true) return undefined;
  return {
    Mode: lock.mode === 'governance' ? ('GOVERNANCE' as const) : ('COMPLIANCE' as const),
    RetainUntilDate: new Date(Date.now() + lock.periodMs),
  };
}

/** A blank as `%20`: not every service reads `+` as one. */
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
