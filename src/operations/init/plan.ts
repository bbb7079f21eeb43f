/** The plan of `init`: which files it writes and where. Pure: it depends on the request alone. */
import { basename, dirname, extname, join, sep } from 'node:path';
import { WalvaultError } from '../../base/errors/errors.ts';
import type { ConfigFileContent } from '../../config/index.ts';
import type { InitRepository, InitRequest } from './request.ts';

export interface KeyPaths {
  readonly privatePath: string;
  readonly publicPath: string;
}

export interface InitPlan {
  readonly configPath: string;
  /** The directory beside the configuration for the recipients' public keys and this host's signing key. */
  readonly keyDirectory: string;
  readonly signingKey: KeyPaths;
  /** The file with this host's own secret. */
  readonly hostSecretPath: string;
  /** The key pair to generate, in a directory that is to be taken off this host. */
  readonly recoveryKey: KeyPaths | undefined;
  /** Directories of `file://` repositories. */
  readonly repositoryDirectories: readonly string[];
}

/**
 * Plans the files of `init`.
 * @throws WalvaultError `usage` if the request is not safe
 */
export function planInit(request: InitRequest): InitPlan {
  const { configPath, repositories, encryption, dataDirectory } = request;
  const stem = basename(configPath, extname(configPath));
  const keyDirectory = join(dirname(configPath), `${stem}-keys`);
  const repositoryDirectories = repositories.flatMap(({ directory }) => directory ?? []);
  const generateInto = encryption.mode === 'openpgp' ? encryption.generateInto : undefined;
  refuseDoubles(repositories);
  if (encryption.mode === 'openpgp' && encryption.recipientFiles.length === 0 && generateInto === undefined)
    throw new WalvaultError('usage', 'no key to encrypt to', { hint: encryptionHint });
  if (dataDirectory !== undefined)
    for (const directory of repositoryDirectories)
      if (isWithin(directory, dataDirectory))
        throw new WalvaultError(
          'usage',
          `repository ${directory} lies inside the data directory ${dataDirectory}`,
          {
            hint: 'An archive must survive the loss of the data directory: keep it on other storage.',
          },
        );
  if (generateInto !== undefined)
    for (const near of [keyDirectory, dataDirectory, ...repositoryDirectories])
      if (near !== undefined && isWithin(generateInto, near))
        throw new WalvaultError('usage', `the private key would lie in ${near}, with what it protects`, {
          hint: 'Give --generate-keys a directory on a medium that leaves this host, such as a mounted USB stick.',
        });
  return {
    configPath,
    keyDirectory,
    signingKey: pairIn(keyDirectory, 'signing'),
    hostSecretPath: join(keyDirectory, 'host-secret'),
    recoveryKey: generateInto === undefined ? undefined : pairIn(generateInto, `walvault-${request.cluster}`),
    repositoryDirectories,
  };
}

export const encryptionHint =
  'Give --recipient with a public key whose private key lives on another machine, --generate-keys with a directory on a removable medium, --passphrase-file, or --no-encryption.';

/** The content of the configuration, once keys and repository ids are known. */
export function planConfig(
  request: InitRequest,
  plan: InitPlan,
  made: { recipientPaths: readonly string[]; repositoryIds: readonly string[] },
): ConfigFileContent {
  const { encryption } = request;
  return {
    settings: {
      cluster: request.cluster,
      ...(request.dataDirectory !== undefined && { 'data-directory': request.dataDirectory }),
      'encryption.mode': encryption.mode,
      ...(encryption.mode === 'openpgp' && { 'encryption.wal-recipients': made.recipientPaths }),
      ...(encryption.mode === 'passphrase' && { 'encryption.passphrase': { file: encryption.file } }),
      'encryption.host-secret': { file: plan.hostSecretPath },
      ...(request.recoveryWindow !== undefined && { 'retention.recovery-window': request.recoveryWindow }),
      'signing.key': plan.signingKey.privatePath,
      'signing.trusted-signers': [plan.signingKey.publicPath],
    },
    repositories: request.repositories.map((repository, index) => ({
      name: repository.name,
      url: repository.url,
      id: made.repositoryIds[index] ?? '',
      ...(repository.accessKeyId && { 'access-key-id': repository.accessKeyId.reveal() }),
      ...Object.fromEntries(
        Object.entries(repository.secrets ?? {}).map(([field, { file }]) => [settingOf(field), { file }]),
      ),
      ...(repository.credentialsFile !== undefined && { 'credentials-file': repository.credentialsFile }),
      ...(repository.caFile !== undefined && { 'ca-file': repository.caFile }),
    })),
  };
}

/** The name of a setting: `accountKey` becomes `account-key`. */
function settingOf(field: string): string {
  return field.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
}

function pairIn(directory: string, name: string): KeyPaths {
  return {
    privatePath: join(directory, `${name}-private.asc`),
    publicPath: join(directory, `${name}-public.asc`),
  };
}

function refuseDoubles(repositories: readonly InitRepository[]): void {
  for (const field of ['name', 'url'] as const) {
    const values = repositories.map(repository => repository[field]);
    const double = values.find((value, index) => values.indexOf(value) !== index);
    if (double !== undefined)
      throw new WalvaultError('usage', `two repositories have the ${field} ${double}`, {
        hint: 'A second repository is a second copy: it needs a name and a place of its own.',
      });
  }
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}
