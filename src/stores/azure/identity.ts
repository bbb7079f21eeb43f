/**
 * Tokens of Entra ID, loaded only if no other credentials are configured. They are for a service principal or a workload
 * identity in the environment, else for the host's managed identity, else for the user of Azure's command line.
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
import { parseJson } from '../../base/json.ts';
import { isHostIn } from '../driver-kit/host-cloud.ts';
import { agentFor, type HttpAgents } from '../driver-kit/http-agents.ts';
import { TokenServiceFailure, TokenServiceRefusal } from './error.ts';

/**
 * The first configured identity of the three is used alone. So its error is reported at once, and not hidden behind the
 * failures of the others, which are not configured. `isAzureHost` is for tests.
 */
export function createIdentity(
  agents: HttpAgents,
  env: NodeJS.ProcessEnv = process.env,
  isAzureHost = () => isHostIn('azure'),
): TokenCredential {
  const has = (...names: string[]) => names.every(name => (env[name] ?? '') !== '');
  const options = {
    httpClient: new WatchedClient(agents),
    // The requests to the store are repeated as a whole, with the request for a token.
    retryOptions: { maxRetries: 0 },
    // A configured authority is trusted: a private cloud cannot ask the public one whether it exists.
    disableInstanceDiscovery: has('AZURE_AUTHORITY_HOST'),
  };
  const isNamed = has('AZURE_TENANT_ID', 'AZURE_CLIENT_ID');
  if (isNamed && (has('AZURE_CLIENT_SECRET') || has('AZURE_CLIENT_CERTIFICATE_PATH')))
    return new WatchedCredential(new EnvironmentCredential(options), () => false);
  if (isNamed && has('AZURE_FEDERATED_TOKEN_FILE'))
    return new WatchedCredential(new WorkloadIdentityCredential(options), () => false);
  return new WatchedCredential(new DefaultAzureCredential(options), isAzureHost);
}

interface Newest {
  /** The failure of the newest request: no answer or a temporary failure, or a refusal. */
  failure: TokenServiceFailure | TokenServiceRefusal | undefined;
  /** True if the library's newest probe for a metadata service got no answer. */
  isProbeUnanswered: boolean;
}

/** One state for the process: for managed identities the library keeps the first client that it ever got. */
const newest: Newest = { failure: undefined, isProbeUnanswered: false };

/** An HTTP client with our connections, authorities and proxies. It remembers why a request failed. */
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
      if (isProbe(request)) newest.isProbeUnanswered = true;
      else newest.failure = new TokenServiceFailure(error);
      throw error;
    }
  }
}

function failureOf({ status, bodyAsText }: PipelineResponse): Newest['failure'] {
  if (status < 400) return undefined;
  if (passes(status)) return new TokenServiceFailure(new Error(`it answered ${status}`));
  return new TokenServiceRefusal(`the token service answered ${status} ${saidIn(bodyAsText ?? '')}`.trim());
}

/** The reason in an answer, in the form of RFC 6749 §5.2 or of App Service. */
function saidIn(body: string): string {
  try {
    const { error, error_description, message } = parseJson(body) as Record<string, unknown>;
    return [error, error_description ?? message].filter(part => typeof part === 'string').join(': ');
  } catch {
    return '';
  }
}

/** True for a temporary failure; 404 and 410 too, while an identity is being created ("Troubleshoot managed identities"). */
function passes(status: number): boolean {
  return status === 404 || status === 408 || status === 410 || status === 429 || status >= 500;
}

/**
 * True for the library's probe for a metadata service, sent without the header. No answer means that there is none, or,
 * on a host of Azure, an outage.
 */
function isProbe({ url, headers }: PipelineRequest): boolean {
  return url.endsWith('/metadata/identity/oauth2/token') && !headers.has('Metadata');
}

/** The library's pipeline treats a token as expired this long before its end (tokenCycler of core-rest-pipeline). */
const overBeforeMs = 1000;
/** The time between two attempts to renew a token that is still valid. */
const renewEveryMs = 3000;

/**
 * A credential that corrects the library in two ways. The library reports an outage like a refusal, and of a chain it
 * names the unimportant failures first. And it renews a valid token in the background: a failure there has no listener
 * and would end the process. So a valid token is used on while no new one can be had.
 */
class WatchedCredential implements TokenCredential {
  readonly #inner: TokenCredential;
  /** Whether a metadata service must be there. */
  readonly #hasMetadata: () => boolean;
  #last: { readonly key: string; readonly token: AccessToken } | undefined;
  #failedAt = -Infinity;

  constructor(inner: TokenCredential, hasMetadata: () => boolean) {
    this.#inner = inner;
    this.#hasMetadata = hasMetadata;
  }

  async getToken(...call: Parameters<TokenCredential['getToken']>): Promise<AccessToken | null> {
    const good = this.#goodFor(...call);
    if (good !== undefined && performance.now() - this.#failedAt < renewEveryMs) return good;
    newest.failure = undefined;
    newest.isProbeUnanswered = false;
    try {
      const token = await this.#inner.getToken(...call);
      this.#last = token === null ? undefined : { key: keyOf(...call), token };
      return token;
    } catch (error) {
      this.#failedAt = performance.now();
      if (good !== undefined) return good;
      if (newest.failure === undefined && newest.isProbeUnanswered && this.#hasMetadata())
        throw new TokenServiceFailure(new Error('the metadata service of this host does not answer'));
      throw newest.failure ?? error;
    }
  }

  /** The last token, if it is still valid. Undefined if the service has refused it and names `claims` for the next. */
  #goodFor(...[scopes, options]: Parameters<TokenCredential['getToken']>): AccessToken | undefined {
    if (this.#last?.key !== keyOf(scopes, options) || options?.claims !== undefined) return undefined;
    const { token } = this.#last;
    return token.expiresOnTimestamp - overBeforeMs > Date.now() ? token : undefined;
  }
}

function keyOf(...[scopes, options]: Parameters<TokenCredential['getToken']>): string {
  return [options?.tenantId, scopes].flat().join(' ');
}
