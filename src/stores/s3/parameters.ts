/** Settings for S3 objects, and the parameters that requests carry for them: who pays, and the customer's key. */
import type { Secret } from '../../base/secret.ts';
import type { StorageClasses } from '../driver-kit/service-options.ts';

export interface S3ObjectOptions {
  readonly storageClasses?: StorageClasses | undefined;
  readonly encryption?: S3Encryption | undefined;
  /** At most ten tags (S3 user guide, "Categorizing your objects using tags"). */
  readonly tags?: ReadonlyMap<string, string> | undefined;
  readonly lock?: S3Lock | undefined;
  /** True: a deletion only hides, in a bucket with versions. */
  readonly keepsVersions?: boolean | undefined;
  /** True: the caller pays, not the bucket's owner. Such a bucket refuses requests that do not say so. */
  readonly isRequesterPays?: boolean | undefined;
}

/** `kms` without a key id: the account's key for S3. `customer`: 32 bytes in base64, sent with every request. */
export type S3Encryption =
  | { readonly kind: 's3' }
  | { readonly kind: 'kms' | 'dsse-kms'; readonly keyId: string | undefined }
  | { readonly kind: 'customer'; readonly key: Secret };

export interface S3Lock {
  readonly mode: 'governance' | 'compliance';
  /** How long an object is locked, from the moment of writing. */
  readonly periodMs: number;
}

/** Parameters of every request. */
export function requestParameters({ isRequesterPays }: S3ObjectOptions): { RequestPayer?: 'requester' } {
  return isRequesterPays === true ? { RequestPayer: 'requester' } : {};
}

/** Parameters of requests about the bytes of an object: GET, HEAD, PUT, each part, and the end of an upload. */
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
