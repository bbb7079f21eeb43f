/** The configured kind of credentials for Azure. Loads no SDK. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { Secret } from '../../base/secret.ts';
import type { DriverSettings } from '../driver-kit/driver-settings.ts';
import { badUrl } from '../url.ts';

export type AzureCredentials =
  | { readonly kind: 'account-key'; readonly accountKey: Secret; readonly endpoint?: string | undefined }
  | { readonly kind: 'sas'; readonly sasToken: Secret; readonly endpoint?: string | undefined }
  /** The identity of the host: a managed identity, a workload identity, or a service principal in the environment. */
  | { readonly kind: 'identity' };

/**
 * The credentials: from the repository's own settings, else from the variables of Azure's command line
 * (`AZURE_STORAGE_KEY`…), else the identity of the host.
 * @throws WalvaultError `config` if several are set, or a connection string is for another account
 */
export function azureCredentialsOf(
  url: URL,
  settings: Pick<DriverSettings, 'accountKey' | 'sasToken' | 'connectionString'>,
  env: NodeJS.ProcessEnv,
): AzureCredentials {
  const given = [settings.accountKey, settings.sasToken, settings.connectionString];
  const count = given.filter(secret => secret !== undefined).length;
  if (count > 1)
    throw badUrl(
      url.href,
      'has several kinds of credentials',
      'Set one of account-key, sas-token and connection-string.',
    );
  return fromSecrets(url, count === 1 ? settings : fromEnvironment(url.host, env)) ?? { kind: 'identity' };
}

type Secrets = Pick<DriverSettings, 'accountKey' | 'sasToken' | 'connectionString'>;

function fromSecrets(
  url: URL,
  { accountKey, sasToken, connectionString }: Secrets,
): AzureCredentials | undefined {
  if (connectionString !== undefined) return fromConnectionString(url.host, connectionString);
  if (accountKey !== undefined) return { kind: 'account-key', accountKey };
  if (sasToken !== undefined) return { kind: 'sas', sasToken };
  return undefined;
}

/** Secrets in the environment. Variables for another account are ignored. */
function fromEnvironment(account: string, env: NodeJS.ProcessEnv): Secrets {
  const of = (name: string) => {
    const value = env[name];
    return value === undefined || value === '' ? undefined : new Secret(value);
  };
  if ((env['AZURE_STORAGE_ACCOUNT'] ?? account) !== account) return {};
  const connectionString = of('AZURE_STORAGE_CONNECTION_STRING');
  if (connectionString !== undefined)
    return fieldsOf(connectionString).get('AccountName') === account ? { connectionString } : {};
  return { accountKey: of('AZURE_STORAGE_KEY'), sasToken: of('AZURE_STORAGE_SAS_TOKEN') };
}

/** Credentials from `name=value` pairs between semicolons ("Configure Azure Storage connection strings"). */
function fromConnectionString(account: string, connectionString: Secret): AzureCredentials {
  const fields = fieldsOf(connectionString);
  const name = fields.get('AccountName');
  const endpoint = fields.get('BlobEndpoint') ?? endpointIn(fields, account);
  if (name !== undefined && name !== account)
    throw new WalvaultError(
      'config',
      `the connection string is for the account ${name}, the URL for ${account}`,
      {
        hint: 'Name the same storage account in both.',
      },
    );
  const key = fields.get('AccountKey');
  if (key !== undefined) return { kind: 'account-key', accountKey: new Secret(key), endpoint };
  const sas = fields.get('SharedAccessSignature');
  if (sas !== undefined) return { kind: 'sas', sasToken: new Secret(sas), endpoint };
  throw new WalvaultError('config', `the connection string for ${account} holds no key and no signature`, {
    hint: 'It needs AccountKey=… or SharedAccessSignature=….',
  });
}

function fieldsOf(connectionString: Secret): Map<string, string> {
  const fields = new Map<string, string>();
  for (const field of connectionString.reveal().split(';')) {
    const cut = field.indexOf('=');
    if (cut > 0) fields.set(field.slice(0, cut).trim(), field.slice(cut + 1).trim());
  }
  return fields;
}

function endpointIn(fields: ReadonlyMap<string, string>, account: string): string | undefined {
  const suffix = fields.get('EndpointSuffix');
  if (suffix === undefined) return undefined;
  return `${fields.get('DefaultEndpointsProtocol') ?? 'https'}://${account}.blob.${suffix}`;
}
