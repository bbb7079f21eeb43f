/**
 * Tokens of Entra ID: a service principal or a workload identity in the environment, else the host's managed identity,
 * else whoever is logged in with Azure's command line. Loaded only where nothing else is configured.
 */
import {
  createDefaultHttpClient,
  type HttpClient,
  type PipelineRequest,
  type PipelineResponse,
} from '@azure/core-rest-pipeline';
import {
  DefaultAzureCredential,
  EnvironmentCredential,
  WorkloadIdentityCredential,
  type AccessToken,
  type TokenCredential,
} from '@azure/identity';
import { agentFor, type HttpAgents } from '../driver-kit/http-agents.ts';
import { TokenServiceFailure, TokenServiceRefusal } from './error.ts';

/**
 * The first of the three that is set up is used alone: what is wrong with it is said at once, and not hidden behind
 * the failures of others that nobody has set up.
 */
export function createIdentity(agents: HttpAgents, env: NodeJS.ProcessEnv = process.env): TokenCredential {
  const has = (...names: string[]) => names.every(name => (env[name] ?? '') !== '');
  const options = {
    httpClient: new WatchedClient(agents),
    // The requests to the store are repeated as a whole, and a missing token with them.
    retryOptions: { maxRetries: 0 },
    // Who names an authority means it: a private cloud cannot ask the public one whether it exists.
    disableInstanceDiscovery: has('AZURE_AUTHORITY_HOST'),
  };
  const isNamed = has('AZURE_TENANT_ID', 'AZURE_CLIENT_ID');
  if (isNamed && (has('AZURE_CLIENT_SECRET') || has('AZURE_CLIENT_CERTIFICATE_PATH')))
    return new WatchedCredential(new EnvironmentCredential(options));
  if (isNamed && has('AZURE_FEDERATED_TOKEN_FILE'))
    return new WatchedCredential(new WorkloadIdentityCredential(options));
  return new WatchedCredential(new DefaultAzureCredential(options));
}

interface Newest {
  /** Of the newest request: no answer, one that says that another attempt may succeed, or a refusal. */
  failure: TokenServiceFailure | TokenServiceRefusal | undefined;
}

/** One for the process: for managed identities the library keeps to the first client it was ever given. */
const newest: Newest = { failure: undefined };

/** Our connections, authorities and proxies; remembers why no answer could be used. */
class WatchedClient implements HttpClient {
  readonly #agents: HttpAgents;
  readonly #inner = createDefaultHttpClient();

  constructor(agents: HttpAgents) {
    this.#agents = agents;
  }

  async sendRequest(request: PipelineRequest): Promise<PipelineResponse> {
    request.agent = agentFor(this.#agents, new URL(request.url));
    try {
      const response = await this.#inner.sendRequest(request);
      if (!isProbe(request)) newest.failure = failureOf(response);
      return response;
    } catch (error) {
      if (!isProbe(request)) newest.failure = new TokenServiceFailure(error);
      throw error;
    }
  }
}

function failureOf({ status, bodyAsText }: PipelineResponse): Newest['failure'] {
  if (status < 400) return undefined;
  if (passes(status)) return new TokenServiceFailure(new Error(`it answered ${status}`));
  return new TokenServiceRefusal(`the token service answered ${status} ${saidIn(bodyAsText ?? '')}`.trim());
}

/** RFC 6749 §5.2, or what App Service says instead. */
function saidIn(body: string): string {
  try {
    const { error, error_description, message } = JSON.parse(body) as Record<string, unknown>;
    return [error, error_description ?? message].filter(part => typeof part === 'string').join(': ');
  } catch {
    return '';
  }
}

/** "Troubleshoot managed identities": 404 and 410 are of the moment too, while an identity is being set up. */
function passes(status: number): boolean {
  return status === 404 || status === 408 || status === 410 || status === 429 || status >= 500;
}

/** Whether this host has a metadata service at all is asked without the header: no answer only says that it has none. */
function isProbe({ url, headers }: PipelineRequest): boolean {
  return url.endsWith('/metadata/identity/oauth2/token') && !headers.has('Metadata');
}

/** The library's pipeline takes a token for over so long before it expires (tokenCycler of core-rest-pipeline). */
const overBeforeMs = 1000;
/** Between two attempts to renew one that is still good. */
const renewEveryMs = 3000;

/**
 * The library calls an outage the same as a refusal, and of a chain it names the failures that do not matter first. And
 * it renews a token that is still good without waiting for the new one: a failure of that would be nobody's, and end
 * the process. So while a token is good, it stands in for one that cannot be had.
 */
class WatchedCredential implements TokenCredential {
  readonly #inner: TokenCredential;
  #last: { readonly key: string; readonly token: AccessToken } | undefined;
  #failedAt = -Infinity;

  constructor(inner: TokenCredential) {
    this.#inner = inner;
  }

  async getToken(...call: Parameters<TokenCredential['getToken']>): Promise<AccessToken | null> {
    const good = this.#goodFor(...call);
    if (good !== undefined && performance.now() - this.#failedAt < renewEveryMs) return good;
    newest.failure = undefined;
    try {
      const token = await this.#inner.getToken(...call);
      this.#last = token === null ? undefined : { key: keyOf(...call), token };
      return token;
    } catch (error) {
      this.#failedAt = performance.now();
      if (good !== undefined) return good;
      throw newest.failure ?? error;
    }
  }

  /** None where the service has refused the last one, and says what it wants of the next (`claims`). */
  #goodFor(...[scopes, options]: Parameters<TokenCredential['getToken']>): AccessToken | undefined {
    if (this.#last?.key !== keyOf(scopes, options) || options?.claims !== undefined) return undefined;
    const { token } = this.#last;
    return token.expiresOnTimestamp - overBeforeMs > Date.now() ? token : undefined;
  }
}

function keyOf(...[scopes, options]: Parameters<TokenCredential['getToken']>): string {
  return [options?.tenantId, scopes].flat().join(' ');
}
