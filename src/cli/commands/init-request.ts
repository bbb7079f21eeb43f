/** From the options of `init` to its request. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { localIoError, WalvaultError } from '../../base/errors.ts';
import { Secret } from '../../base/secret.ts';
import { defaultConfigPath } from '../../config/index.ts';
import { findAccount } from '../../operations/init/ownership.ts';
import { encryptionHint } from '../../operations/init/plan.ts';
import type { InitEncryption, InitRepository, InitRequest } from '../../operations/init/request.ts';
import { directoryOfUrl } from '../compose-init.ts';

export interface InitOptions {
  readonly repository: readonly string[];
  readonly cluster?: string;
  readonly dataDirectory?: string;
  readonly recipient: readonly string[];
  readonly generateKeys?: string;
  readonly keyPassphraseFile?: string;
  readonly passphraseFile?: string;
  /** False with --no-encryption. */
  readonly encryption: boolean;
  readonly accessKeyId?: string;
  readonly secretAccessKeyFile?: string;
  readonly caFile?: string;
  readonly createDirectory?: boolean;
  readonly owner?: string;
  readonly existingConfig?: boolean;
  readonly json?: boolean;
}

/** @throws WalvaultError `usage` if something needed is missing */
export async function requestOf(
  options: InitOptions,
  from: { configPath: string | undefined; signal: AbortSignal },
): Promise<InitRequest> {
  const { cluster, repository, dataDirectory, owner } = options;
  if (cluster === undefined)
    throw new WalvaultError('usage', '--cluster is missing', {
      hint: 'Name the database cluster, for example --cluster orders. Servers of one replication group share the name.',
    });
  if (!/^[a-z0-9][a-z0-9._-]{0,62}$/.test(cluster))
    throw new WalvaultError('usage', `"${cluster}" is not a cluster's name`, {
      hint: 'It has up to 63 lower-case letters, digits, hyphens, underscores and dots, and begins with a letter or digit.',
    });
  if (repository.length === 0)
    throw new WalvaultError('usage', '--repository is missing', {
      hint: 'Say where to keep the archive, for example --repository file:///mnt/archive or s3://bucket/prefix.',
    });
  const credentials = await credentialsOf(options);
  return {
    cluster,
    repositories: repository.map((text, index) => repositoryOf(text, index, credentials)),
    configPath: resolve(from.configPath ?? defaultConfigPath),
    dataDirectory: dataDirectory === undefined ? undefined : resolve(dataDirectory),
    encryption: await encryptionOf(options),
    createDirectory: options.createDirectory === true,
    owner: owner === undefined ? undefined : await findAccount(owner, from.signal),
  };
}

type Credentials = Pick<InitRepository, 'accessKeyId' | 'secretAccessKey' | 'secretAccessKeyFile' | 'caFile'>;

/** `URL` or `NAME=URL`. */
function repositoryOf(text: string, index: number, credentials: Credentials): InitRepository {
  const [, name = index === 0 ? 'main' : `copy-${index}`, url = text] =
    /^([a-z0-9][a-z0-9-]*)=(.*)$/s.exec(text) ?? [];
  const directory = directoryOfUrl(url);
  return { name, url, directory, ...(directory === undefined && credentials) };
}

async function credentialsOf(options: InitOptions): Promise<Credentials> {
  const { accessKeyId, secretAccessKeyFile, caFile } = options;
  if ((accessKeyId === undefined) !== (secretAccessKeyFile === undefined))
    throw new WalvaultError('usage', '--access-key-id and --secret-access-key-file need each other', {
      hint: 'Give both, or neither to use the environment, the shared files or the instance role.',
    });
  return {
    ...(accessKeyId !== undefined && { accessKeyId: new Secret(accessKeyId) }),
    ...(secretAccessKeyFile !== undefined && {
      secretAccessKeyFile: resolve(secretAccessKeyFile),
      secretAccessKey: await readSecretFile(secretAccessKeyFile),
    }),
    ...(caFile !== undefined && { caFile: resolve(caFile) }),
  };
}

async function encryptionOf(options: InitOptions): Promise<InitEncryption> {
  const { recipient, generateKeys, keyPassphraseFile, passphraseFile } = options;
  if (keyPassphraseFile !== undefined && generateKeys === undefined)
    throw new WalvaultError('usage', '--key-passphrase-file needs --generate-keys', {
      hint: 'It protects the private key that --generate-keys makes.',
    });
  if (!options.encryption) return { mode: 'none' };
  if (passphraseFile !== undefined) return { mode: 'passphrase', file: resolve(passphraseFile) };
  if (recipient.length === 0 && generateKeys === undefined)
    throw new WalvaultError('usage', 'no key to encrypt to', { hint: encryptionHint });
  return {
    mode: 'openpgp',
    recipientFiles: recipient.map(file => resolve(file)),
    generateInto: generateKeys === undefined ? undefined : resolve(generateKeys),
    privateKeyPassphrase:
      keyPassphraseFile === undefined ? undefined : await readSecretFile(keyPassphraseFile),
  };
}

async function readSecretFile(path: string): Promise<Secret> {
  try {
    const text = (await readFile(path, 'utf8')).replace(/[\r\n]+$/, '');
    if (text === '') throw new WalvaultError('usage', `secret file ${path} is empty`);
    return new Secret(text);
  } catch (error) {
    throw localIoError('read', path, error);
  }
}
