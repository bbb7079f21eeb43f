/**
 * The variables that this run took something from. The restored server needs them too: its restore_command inherits
 * the environment of PostgreSQL, not that of the person who restores.
 */
import type { LoadedConfig, RepositoryConfig } from '../../config/index.ts';

/** What a client of any service takes from the environment: proxies, and more certificates (Node's documentation). */
const forEveryService = /^((HTTPS?|ALL|NO)_PROXY|NODE_EXTRA_CA_CERTS)$/i;

/** What the driver of a service takes, without its credentials and with them. */
const forService: Readonly<Record<string, { readonly always: RegExp; readonly credentials: RegExp }>> = {
  's3:': {
    always: /^AWS_(REGION|DEFAULT_REGION|CA_BUNDLE|ENDPOINT_URL(_\w+)?|USE_\w+|DEFAULTS_MODE)$/,
    credentials: /^AWS_(?!LAMBDA_|EXECUTION_ENV)/,
  },
  'gs:': { always: /^GCE_METADATA_\w+$/, credentials: /^(GOOGLE_APPLICATION_CREDENTIALS|CLOUDSDK_CONFIG)$/ },
  'azure:': {
    always: /^AZURE_(AUTHORITY_HOST|REGIONAL_AUTHORITY_NAME)$/,
    credentials: /^(AZURE_|IDENTITY_|MSI_|IMDS_)/,
  },
};

/** Names only, in their order. */
export function neededVariables(
  { config, origins, variables }: Pick<LoadedConfig, 'config' | 'origins' | 'variables'>,
  env: NodeJS.ProcessEnv,
): string[] {
  const ofSettings = [...origins.values()].filter(origin => origin.startsWith('WALVAULT_'));
  const ofServices = config.repositories.flatMap(repository => variablesFor(repository, env));
  return [...new Set([...ofSettings, ...variables, ...ofServices])].toSorted();
}

function variablesFor(repository: RepositoryConfig, env: NodeJS.ProcessEnv): string[] {
  const service = forService[URL.parse(repository.url)?.protocol ?? ''];
  if (service === undefined) return [];
  const { accessKeyId, credentialsFile, accountKey, sasToken, connectionString } = repository;
  const hasOwn = [accessKeyId, credentialsFile, accountKey, sasToken, connectionString].some(
    credential => credential !== undefined,
  );
  return Object.keys(env).filter(
    name =>
      (env[name] ?? '') !== '' &&
      (forEveryService.test(name) ||
        service.always.test(name) ||
        (!hasOwn && service.credentials.test(name))),
  );
}
