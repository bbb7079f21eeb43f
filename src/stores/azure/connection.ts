/** The Azure SDK's client with our own rules: no retries by the SDK, bounded connections, time limits. */
import type { IsDownload } from '../driver-kit/bounded-answers.ts';
import type { Agent } from 'node:http';
import {
  ContainerClient,
  newPipeline,
  StorageSharedKeyCredential,
  type StoragePipelineOptions,
} from '@azure/storage-blob';
import { createHttpAgents, type HttpAgents } from '../driver-kit/http-agents.ts';
import { refusePlainHttp } from '../driver-kit/plain-http.ts';
import { defaultTimeoutMs, fullKeyIn, type ServiceOptions } from '../driver-kit/service-options.ts';
import type { AzureCredentials } from './credentials.ts';
import { azureError } from './error.ts';

export interface AzureStoreOptions extends ServiceOptions {
  readonly account: string;
  readonly container: string;
  readonly credentials: AzureCredentials;
  /**
   * True: every body is sent with its MD5, which the service verifies. It costs more CPU than the rest of the request.
   * Default: only without TLS, because TLS protects the bytes as well.
   */
  readonly contentMd5?: boolean | undefined;
}

export interface AzureConnection {
  readonly client: ContainerClient;
  readonly container: string;
  readonly contentMd5: boolean;
  /** The whole name in the container. */
  fullKey(key: string): string;
  /** Sends one request and translates its failure. */
  send<T>(call: AzureCall, request: () => Promise<T>): Promise<T>;
  close(): void;
}

export interface AzureCall {
  readonly action: string;
  readonly signal: AbortSignal;
}

/** Each other request says what it is about. */
const isDownload: IsDownload = ({ method, path }) => method === 'GET' && !/[?&](comp|restype)=/.test(path);

/** @throws WalvaultError `config` when the CA file cannot be read, or the endpoint is in the open */
export async function connectAzure(options: AzureStoreOptions): Promise<AzureConnection> {
  const { account, container, credentials } = options;
  const fromString = credentials.kind === 'identity' ? undefined : credentials.endpoint;
  const endpoint = options.endpoint ?? fromString ?? `https://${account}.blob.core.windows.net`;
  refusePlainHttp(endpoint, options.verifyTls);
  const isTls = endpoint.startsWith('https:');
  const http = { ...options, timeoutMs: options.timeoutMs ?? defaultTimeoutMs };
  const agents = await createHttpAgents({ ...http, isDownload });
  const tokenAgents = await createHttpAgents({ ...http, isDownload: () => false, trustsSystemToo: true });
  // The SDK passes every option on to its HTTP pipeline, which knows `agent`; only the type lacks it.
  const pipelineOptions: StoragePipelineOptions & { readonly agent: Agent } = {
    agent: isTls ? agents.https : agents.http,
    retryOptions: { maxTries: 1 },
    userAgentOptions: { userAgentPrefix: 'walvault' },
  };
  const pipeline = newPipeline(await sdkCredential(account, credentials, tokenAgents), pipelineOptions);
  const signature = credentials.kind === 'sas' ? `?${credentials.sasToken.reveal().replace(/^\?/, '')}` : '';
  const url = `${endpoint.replace(/\/$/, '')}/${encodeURIComponent(container)}${signature}`;
  return {
    client: new ContainerClient(url, pipeline),
    container,
    contentMd5: options.contentMd5 ?? !isTls,
    fullKey: key => fullKeyIn(options, key),
    async send({ action, signal }, request) {
      signal.throwIfAborted();
      try {
        return await request();
      } catch (error) {
        throw azureError(error, { action, container, signal });
      }
    },
    close() {
      agents.destroy();
      tokenAgents.destroy();
    },
  };
}

async function sdkCredential(account: string, credentials: AzureCredentials, tokenAgents: HttpAgents) {
  switch (credentials.kind) {
    case 'account-key':
      return new StorageSharedKeyCredential(account, credentials.accountKey.reveal());
    case 'sas':
      return undefined;
    case 'identity': {
      const { createIdentity } = await import('./identity.ts');
      return createIdentity(tokenAgents);
    }
  }
}
