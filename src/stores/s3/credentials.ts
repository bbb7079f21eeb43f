/** The configured access key of a bucket. Loads no SDK. */
import type { Secret } from '../../base/secret.ts';
import type { DriverSettings } from '../driver-kit/driver-settings.ts';
import { badUrl } from '../url.ts';

export interface S3Credentials {
  readonly accessKeyId: Secret;
  readonly secretAccessKey: Secret;
  readonly sessionToken?: Secret | undefined;
}

/**
 * The configured access key. Undefined: the SDK's chain (environment, profile, web identity, container and instance roles).
 * @throws WalvaultError `config`
 */
export function s3CredentialsOf(
  url: URL,
  { accessKeyId, secretAccessKey, sessionToken }: DriverSettings,
): S3Credentials | undefined {
  if (accessKeyId === undefined && secretAccessKey === undefined) return undefined;
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw badUrl(
      url.href,
      'has half of its credentials',
      'Set both access-key-id and secret-access-key, or neither to use the environment, a profile or a role.',
    );
  return { accessKeyId, secretAccessKey, sessionToken };
}

/** The credentials as a provider for the SDK. */
export function sdkCredentials({ accessKeyId, secretAccessKey, sessionToken }: S3Credentials) {
  return async () => ({
    accessKeyId: accessKeyId.reveal(),
    secretAccessKey: secretAccessKey.reveal(),
    ...(sessionToken && { sessionToken: sessionToken.reveal() }),
  });
}
