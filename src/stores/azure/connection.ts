/** The SDK's client as we need it: no retries of its own, bounded connections, our limits on time. */
import type { Agent } from 'node:http';
import {
  ContainerClient,
  newPipeline,
  StorageSharedKeyCredential,
  type StoragePipelineOptions,
} from '@azure/storage-blob';
import { createHttpAgents, type HttpAgents } from '../driver-kit/http-agents.ts';
import { defaultTimeoutMs, fullKeyIn, type ServiceOptions } from '../driver-kit/service-options.ts';
import type { AzureCredentials } from './credentials.ts';
import { azureError } from './error.ts';

export interface AzureStoreOptions extends ServiceOptions {
  readonly account: string;
  readonly container: string;
  readonly credentials: AzureCredentials;
  /**
   * Sends the MD5 of every body, which the service verifies and which costs more CPU than the rest of the request.
   * Default: only without TLS, which protects the bytes on their way as well.
   */
  readonly contentMd5?: boolean | undefined;
}

export interface AzureConnection {
  readonly client: ContainerClient;
  readonly container: string;
  readonly contentMd5: boolean;
  /** The whole name in the container. */
  fullKey(key: string): string;
  /** One request, its failure translated. */
  send<T>(call: AzureCall, request: () => Promise<T>): Promise<T>;
  close(): void;
}

export interface AzureCall {
  readonly action: string;
  readonly signal: AbortSignal;
}

/** @throws WalvaultError `config` when the CA file cannot be read */
export async function connectAzure(options: AzureStoreOptions): Promise<AzureConnection> {
  const { account, container, credentials } = options;
  const fromString = credentials.kind === 'identity' ? undefined : credentials.endpoint;
  const endpoint = options.endpoint ?? fromString ?? `https://${account}.blob.core.windows.net`;
  const isTls = endpoint.startsWith('https:');
  const http = { ...options, timeoutMs: options.timeoutMs ?? defaultTimeoutMs };
  const agents = await createHttpAgents(http);
  const tokenAgents = await createHttpAgents({ ...http, trustsSystemToo: true });
  // The SDK hands every option on to its HTTP pipeline, which knows this one; only its type leaves it out.
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
