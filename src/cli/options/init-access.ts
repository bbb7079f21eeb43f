/** The options of `init` for credentials, and each repository's part of them. */
import { fileBounds } from '../../base/bounds.ts';
import { resolve } from 'node:path';
import { localIoError, WalvaultError } from '../../base/errors/errors.ts';
import { Secret } from '../../base/secret.ts';
import { readText } from '../../base/files/read.ts';
import type { InitRepository, InitSecretField, InitSecrets } from '../../operations/init/request.ts';

export interface AccessOptions {
  readonly accessKeyId?: string;
  readonly secretAccessKeyFile?: string;
  readonly sessionTokenFile?: string;
  readonly customerKeyFile?: string;
  readonly credentialsFile?: string;
  readonly accountKeyFile?: string;
  readonly sasTokenFile?: string;
  readonly connectionStringFile?: string;
  readonly caFile?: string;
}

export type Access = Pick<InitRepository, 'accessKeyId' | 'secrets' | 'credentialsFile' | 'caFile'>;

/** The stores that each option is for. */
const schemes = {
  accessKeyId: 's3:',
  secretAccessKeyFile: 's3:',
  sessionTokenFile: 's3:',
  customerKeyFile: 's3:',
  credentialsFile: 'gs:',
  accountKeyFile: 'azure:',
  sasTokenFile: 'azure:',
  connectionStringFile: 'azure:',
} as const satisfies Partial<Record<keyof AccessOptions, string>>;

/** Options that name a file with a secret. */
const secretFields = {
  secretAccessKeyFile: 'secretAccessKey',
  sessionTokenFile: 'sessionToken',
  customerKeyFile: 'customerKey',
  accountKeyFile: 'accountKey',
  sasTokenFile: 'sasToken',
  connectionStringFile: 'connectionString',
} as const satisfies Partial<Record<keyof AccessOptions, InitSecretField>>;

/**
 * Refuses a credential that no given repository can use: it was meant for some repository.
 * @throws WalvaultError `usage`
 */
export function checkAccess(options: AccessOptions, urls: readonly string[]): void {
  for (const [name, scheme] of entries(schemes))
    if (options[name] !== undefined && !urls.some(url => url.startsWith(scheme)))
      throw new WalvaultError('usage', `${flag(name)} is for ${scheme}// repositories, and there is none`, {
        hint: `Name the repository as ${scheme}//…, or leave the option out.`,
      });
  if ((options.accessKeyId === undefined) !== (options.secretAccessKeyFile === undefined))
    throw new WalvaultError('usage', '--access-key-id and --secret-access-key-file need each other', {
      hint: 'Give both, or neither to use the environment, the shared files or the instance role.',
    });
  if (options.sessionTokenFile !== undefined && options.accessKeyId === undefined)
    throw new WalvaultError('usage', '--session-token-file needs --access-key-id', {
      hint: 'A session token belongs to the temporary key it was given out with.',
    });
  const forAzure = (['accountKeyFile', 'sasTokenFile', 'connectionStringFile'] as const).filter(
    name => options[name] !== undefined,
  );
  if (forAzure.length > 1)
    throw new WalvaultError('usage', `${forAzure.map(flag).join(' and ')} exclude each other`, {
      hint: 'Each of them is enough by itself.',
    });
}

/**
 * The credentials that the service of this URL understands.
 * @throws WalvaultError `usage` for an empty secret, `local-io` for a file that cannot be read
 */
export async function accessTo(url: string, options: AccessOptions): Promise<Access> {
  const concerns = (name: keyof typeof schemes) => url.startsWith(schemes[name]);
  const secrets: { -readonly [Field in keyof InitSecrets]: InitSecrets[Field] } = {};
  for (const [name, field] of entries(secretFields)) {
    const file = options[name];
    if (file !== undefined && concerns(name))
      secrets[field] = { file: resolve(file), value: await readSecretFile(file) };
  }
  const { accessKeyId, credentialsFile, caFile } = options;
  return {
    ...(accessKeyId !== undefined && concerns('accessKeyId') && { accessKeyId: new Secret(accessKeyId) }),
    ...(Object.keys(secrets).length > 0 && { secrets }),
    ...(credentialsFile !== undefined &&
      concerns('credentialsFile') && { credentialsFile: resolve(credentialsFile) }),
    ...(caFile !== undefined && { caFile: resolve(caFile) }),
  };
}

export async function readSecretFile(path: string): Promise<Secret> {
  try {
    const text = (await readText(path, fileBounds.secret.limitBytes)).replace(/[\r\n]+$/, '');
    if (text === '') throw new WalvaultError('usage', `secret file ${path} is empty`);
    return new Secret(text);
  } catch (error) {
    throw localIoError('read', path, error);
  }
}

/** The option's flag: `accountKeyFile` is `--account-key-file`. */
function flag(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;
}

function entries<Key extends string, Value>(table: Readonly<Record<Key, Value>>): [Key, Value][] {
  return Object.entries(table) as [Key, Value][];
}
