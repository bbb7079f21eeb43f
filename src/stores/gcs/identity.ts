/**
 * Tokens from Google's own library: application default credentials, a service account's key, or a workload identity
 * configuration. Loaded with the first request that needs a token.
 */
import { fileBounds } from '../../base/bounds.ts';
import { existsSync } from 'node:fs';
import type { Agent as HttpAgent } from 'node:http';
import { join } from 'node:path';
import {
  AwsClient,
  Compute,
  gcpMetadata,
  GoogleAuth,
  IdentityPoolClient,
  JWT,
  PluggableAuthClient,
  UserRefreshClient,
} from 'google-auth-library';
import { homeDirectory } from '../../base/account.ts';
import { messageOf, WalvaultError } from '../../base/errors/errors.ts';
import { readText } from '../../base/files/read.ts';
import { parseJson } from '../../base/json.ts';
import { isHostIn } from '../driver-kit/host-cloud.ts';
import { agentFor, type HttpAgents } from '../driver-kit/http-agents.ts';

export interface TokenClient {
  getRequestHeaders(): Promise<Headers>;
}

const scope = 'https://www.googleapis.com/auth/devstorage.read_write';

/**
 * `isGoogleHost` is for tests.
 * @throws WalvaultError `config` for a credentials file that cannot be used; the library's errors
 */
export async function createIdentity(
  credentialsFile: string | undefined,
  agents: HttpAgents,
  isGoogleHost = () => isHostIn('google'),
): Promise<TokenClient> {
  // Our own authorities and proxies, instead of the library's reading of the same variables.
  const transporterOptions = { agent: (url: URL) => agentFor(agents, url) };
  if (credentialsFile !== undefined) {
    const client = clientOf(await readCredentials(credentialsFile), transporterOptions);
    if (client === undefined) throw notOneOfGoogles(credentialsFile);
    return client;
  }
  const path = defaultCredentialsFile(process.env);
  const known = path === undefined ? undefined : clientOf(await readCredentials(path), transporterOptions);
  if (known !== undefined) return known;
  if (path === undefined && hasMetadataServer(process.env, isGoogleHost)) return metadataClient(process.env);
  // The library keeps for the whole process that the metadata server did not answer once.
  gcpMetadata.resetIsAvailableCache();
  const auth = new GoogleAuth({
    scopes: [scope],
    // Never used. Without a project id the library searches for one in gcloud and elsewhere, which takes seconds.
    projectId: 'unused',
    clientOptions: { transporterOptions },
  });
  auth.useJWTAccessWithScope = true;
  const client = await auth.getClient();
  shareTransporter(client);
  return client;
}

/** The first file that application default credentials use ("How Application Default Credentials works"). */
function defaultCredentialsFile(env: NodeJS.ProcessEnv): string | undefined {
  const named = env['GOOGLE_APPLICATION_CREDENTIALS'] ?? '';
  if (named !== '') return named;
  const configuration = env['CLOUDSDK_CONFIG'] ?? join(homeDirectory(env), '.config', 'gcloud');
  const wellKnown = join(configuration, 'application_default_credentials.json');
  return existsSync(wellKnown) ? wellKnown : undefined;
}

/**
 * Whether there must be a metadata server: the environment names it, or this host is in Google's cloud. The library
 * would ask it first whether it is there, and call an outage of a few seconds a lack of credentials.
 */
function hasMetadataServer(env: NodeJS.ProcessEnv, isGoogleHost: () => boolean): boolean {
  if ((env['METADATA_SERVER_DETECTION'] ?? '') !== '') return false;
  const named = env['GCE_METADATA_IP'] || env['GCE_METADATA_HOST'] || '';
  return named !== '' || gcpMetadata.getGCPResidency() || isGoogleHost();
}

function metadataClient(env: NodeJS.ProcessEnv): TokenClient {
  const quotaProjectId = env['GOOGLE_CLOUD_QUOTA_PROJECT'] ?? '';
  return new Compute({ scopes: [scope], ...(quotaProjectId !== '' && { quotaProjectId }) });
}

interface TransporterOptions {
  readonly agent: (url: URL) => HttpAgent;
}

/** The client for one kind of credentials. The library's own choice by kind prints warnings on standard error. */
function clientOf(
  json: Readonly<Record<string, string>>,
  transporterOptions: TransporterOptions,
): TokenClient | undefined {
  switch (json['type']) {
    case 'service_account': {
      const { client_email: email = '', private_key: key = '', private_key_id: keyId = '' } = json;
      const client = new JWT({ email, key, keyId, scopes: [scope], transporterOptions });
      // The client signs its own tokens (AIP-4111), which saves a request in every process.
      client.useJWTAccessWithScope = true;
      return client;
    }
    case 'external_account': {
      const client = new (externalClient(json))({ ...json, transporterOptions } as never);
      client.scopes = [scope];
      shareTransporter(client);
      return client;
    }
    case 'authorized_user': {
      const { client_id: clientId = '', client_secret: clientSecret = '' } = json;
      const { refresh_token: refreshToken = '', quota_project_id: quotaProjectId } = json;
      return new UserRefreshClient({
        clientId,
        clientSecret,
        refreshToken,
        transporterOptions,
        ...(quotaProjectId !== undefined && { quotaProjectId }),
      });
    }
    default:
      return undefined;
  }
}

/** Gives the token exchange our transporter; its own ignores the options. */
function shareTransporter(client: object): void {
  const { stsCredential, transporter } = client as {
    stsCredential?: { transporter: unknown };
    transporter?: unknown;
  };
  if (stsCredential !== undefined && transporter !== undefined) stsCredential.transporter = transporter;
}

/** The client's class by the source of the token: Amazon's metadata service, a program, a file or an address. */
function externalClient(json: Readonly<Record<string, unknown>>) {
  const source = (json['credential_source'] ?? {}) as { environment_id?: string; executable?: unknown };
  if (source.environment_id?.startsWith('aws') === true) return AwsClient;
  return source.executable === undefined ? IdentityPoolClient : PluggableAuthClient;
}

/** Reads the file without the library: a parser's message quotes the file, and the file holds a private key. */
async function readCredentials(path: string): Promise<Record<string, string>> {
  let text: string;
  try {
    text = await readText(path, fileBounds.credentials.limitBytes);
  } catch (error) {
    throw new WalvaultError('config', `read the credentials file ${path}: ${messageOf(error)}`, {
      hint: fileHint,
    });
  }
  try {
    const parsed: unknown = parseJson(text);
    if (typeof parsed === 'object' && parsed !== null && 'type' in parsed)
      return parsed as Record<string, string>;
  } catch {
    // Reported below, without the parser's message.
  }
  throw notOneOfGoogles(path);
}

const fileHint = 'Name the JSON file of a service account or of a workload identity configuration.';

function notOneOfGoogles(path: string): WalvaultError {
  return new WalvaultError('config', `the credentials file ${path} is not one of Google's`, {
    hint: fileHint,
  });
}
