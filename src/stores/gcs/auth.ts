/**
 * Tokens for Google's services: application default credentials, a service account's key or a workload identity
 * configuration. The library that knows them all is loaded with the first request.
 */
import { existsSync } from 'node:fs';
import type { Agent as HttpAgent } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { messageOf, systemCode, WalvaultError } from '../../base/errors/errors.ts';
import { readText } from '../../base/files/read.ts';
import { agentFor, type HttpAgents } from '../driver-kit/http-agents.ts';
import { networkFailure, oneLine, plainCause } from '../driver-kit/network-failure.ts';
import { StoreError } from '../store.ts';

export interface GcsCredentials {
  /** JSON of a service account or of workload identity federation. Default: application default credentials. */
  readonly credentialsFile?: string | undefined;
  /** Requests carry no token: for public buckets and for emulators. */
  readonly isAnonymous?: boolean | undefined;
}

/** The headers that prove who asks. */
export type Authorize = (call: {
  readonly action: string;
  readonly signal: AbortSignal;
}) => Promise<Readonly<Record<string, string>>>;

interface TokenClient {
  getRequestHeaders(): Promise<Headers>;
}

const scope = 'https://www.googleapis.com/auth/devstorage.read_write';

/**
 * Reads nothing and asks nobody yet. The function throws StoreError `denied` where there are no usable credentials,
 * `unreachable` where the service that gives tokens does not answer, WalvaultError `config` for an unreadable file.
 */
export function createAuthorize(
  { credentialsFile, isAnonymous }: GcsCredentials,
  agents: HttpAgents,
): Authorize {
  if (isAnonymous === true) return async () => ({});
  let client: Promise<TokenClient> | undefined;
  return async ({ action, signal }) => {
    try {
      client ??= openClient(credentialsFile, agents);
      const headers = await untilAborted(
        client.then(client => client.getRequestHeaders()),
        signal,
      );
      return Object.fromEntries(headers);
    } catch (error) {
      signal.throwIfAborted();
      // The file may be there, or the metadata service up, at the next attempt.
      client = undefined;
      throw credentialsError(error, action);
    }
  };
}

async function openClient(credentialsFile: string | undefined, agents: HttpAgents): Promise<TokenClient> {
  const library = await import('./google-auth.ts');
  // Our authorities and proxies, in place of the library's own reading of the same variables.
  const transporterOptions = { agent: (url: URL) => agentFor(agents, url) };
  if (credentialsFile !== undefined) {
    const client = clientOf(library, await readCredentials(credentialsFile), transporterOptions);
    if (client === undefined) throw notOneOfGoogles(credentialsFile);
    return client;
  }
  const path = defaultCredentialsFile(process.env);
  const known =
    path === undefined ? undefined : clientOf(library, await readCredentials(path), transporterOptions);
  if (known !== undefined) return known;
  const auth = new library.GoogleAuth({
    scopes: [scope],
    // Never used: without one the library looks for it in gcloud and elsewhere first, which takes seconds.
    projectId: 'unused',
    clientOptions: { transporterOptions },
  });
  auth.useJWTAccessWithScope = true;
  const client = await auth.getClient();
  shareTransporter(client);
  return client;
}

/** Where application default credentials are looked for first ("How Application Default Credentials works"). */
function defaultCredentialsFile(env: NodeJS.ProcessEnv): string | undefined {
  const named = env['GOOGLE_APPLICATION_CREDENTIALS'] ?? '';
  if (named !== '') return named;
  const configuration = env['CLOUDSDK_CONFIG'] ?? join(env['HOME'] ?? homedir(), '.config', 'gcloud');
  const wellKnown = join(configuration, 'application_default_credentials.json');
  return existsSync(wellKnown) ? wellKnown : undefined;
}

interface TransporterOptions {
  readonly agent: (url: URL) => HttpAgent;
}

/** By kind, because what the library offers for any kind warns on standard error. */
function clientOf(
  library: typeof import('./google-auth.ts'),
  json: Readonly<Record<string, string>>,
  transporterOptions: TransporterOptions,
): TokenClient | undefined {
  switch (json['type']) {
    case 'service_account': {
      const { client_email: email = '', private_key: key = '', private_key_id: keyId = '' } = json;
      const client = new library.JWT({ email, key, keyId, scopes: [scope], transporterOptions });
      // It signs its own tokens (AIP-4111), which saves asking for one in every process.
      client.useJWTAccessWithScope = true;
      return client;
    }
    case 'external_account': {
      const client = new (externalClient(library, json))({ ...json, transporterOptions } as never);
      client.scopes = [scope];
      shareTransporter(client);
      return client;
    }
    case 'authorized_user': {
      const { client_id: clientId = '', client_secret: clientSecret = '' } = json;
      const { refresh_token: refreshToken = '', quota_project_id: quotaProjectId } = json;
      return new library.UserRefreshClient({
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

/** The exchange of tokens has a transporter of its own, which knows none of the options. */
function shareTransporter(client: object): void {
  const { stsCredential, transporter } = client as {
    stsCredential?: { transporter: unknown };
    transporter?: unknown;
  };
  if (stsCredential !== undefined && transporter !== undefined) stsCredential.transporter = transporter;
}

/** Where the platform's token comes from: Amazon's metadata service, a program, or a file or address. */
function externalClient(library: typeof import('./google-auth.ts'), json: Readonly<Record<string, unknown>>) {
  const source = (json['credential_source'] ?? {}) as { environment_id?: string; executable?: unknown };
  if (source.environment_id?.startsWith('aws') === true) return library.AwsClient;
  return source.executable === undefined ? library.IdentityPoolClient : library.PluggableAuthClient;
}

/** Not left to the library: what a parser says about a broken file quotes it, and the file holds a private key. */
async function readCredentials(path: string): Promise<Record<string, string>> {
  let text: string;
  try {
    text = await readText(path);
  } catch (error) {
    throw new WalvaultError('config', `read the credentials file ${path}: ${messageOf(error)}`, {
      hint: fileHint,
    });
  }
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && 'type' in parsed)
      return parsed as Record<string, string>;
  } catch {
    // Said below, without what the parser quotes.
  }
  throw notOneOfGoogles(path);
}

const fileHint = 'Name the JSON file of a service account or of a workload identity configuration.';

function notOneOfGoogles(path: string): WalvaultError {
  return new WalvaultError('config', `the credentials file ${path} is not one of Google's`, {
    hint: fileHint,
  });
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
}

function credentialsError(error: unknown, action: string): Error {
  if (error instanceof WalvaultError) return error;
  const status = statusOf(error);
  const said = oneLine(messageOf(error));
  const hasNone = /default credentials/i.test(said);
  if (hasNone || (status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429))
    return new StoreError('denied', `${action}: no credentials (${hasNone ? 'none were found' : said})`, {
      cause: plainCause(error),
      hint: 'Set credentials-file of this repository, or give the process GOOGLE_APPLICATION_CREDENTIALS or a service account.',
    });
  if (status !== undefined || isNetworkCode(systemCode(error)) || /fetch failed|network/i.test(said))
    return networkFailure(error, `${action}: asking for a token`);
  return new StoreError('denied', `${action}: the credentials cannot be used (${said})`, {
    cause: plainCause(error),
    hint: 'Check the credentials file; a service account key has client_email and private_key.',
  });
}

function isNetworkCode(code: string | undefined): boolean {
  return (
    code !== undefined &&
    /^(E[A-Z]+|UND_ERR_.*|.*CERT.*|UNABLE_TO_.*)$/.test(code) &&
    !code.startsWith('ERR_')
  );
}

/** What the token service answered, as the library reports it. */
function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('status' in error && typeof error.status === 'number') return error.status;
  const response: unknown = 'response' in error ? error.response : undefined;
  if (typeof response !== 'object' || response === null || !('status' in response)) return undefined;
  return typeof response.status === 'number' ? response.status : undefined;
}
