/** The credentials for Google's services. The library that gets tokens is loaded with the first request. */
import { messageOf, systemCode, WalvaultError } from '../../base/errors/errors.ts';
import { orAborted } from '../../base/time/wait.ts';
import type { HttpAgents } from '../driver-kit/http-agents.ts';
import { networkFailure, oneLine, plainCause } from '../driver-kit/network-failure.ts';
import { StoreError } from '../store.ts';
import type { TokenClient } from './identity.ts';

export interface GcsCredentials {
  /** JSON of a service account or of workload identity federation. Default: application default credentials. */
  readonly credentialsFile?: string | undefined;
  /** True: requests carry no token, for public buckets and for emulators. */
  readonly isAnonymous?: boolean | undefined;
}

/** A function that returns the headers with the credentials. */
export type Authorize = (call: {
  readonly action: string;
  readonly signal: AbortSignal;
}) => Promise<Readonly<Record<string, string>>>;

/**
 * Reads no file and sends no request yet. The returned function throws StoreError `denied` without usable credentials,
 * `unreachable` if the token service does not answer, WalvaultError `config` for an unreadable file.
 */
export function createAuthorize(
  { credentialsFile, isAnonymous }: GcsCredentials,
  agents: HttpAgents,
): Authorize {
  if (isAnonymous === true) return async () => ({});
  let client: Promise<TokenClient> | undefined;
  return async ({ action, signal }) => {
    try {
      client ??= import('./identity.ts').then(identity => identity.createIdentity(credentialsFile, agents));
      const headers = await orAborted(
        client.then(client => client.getRequestHeaders()),
        signal,
      );
      return Object.fromEntries(headers);
    } catch (error) {
      signal.throwIfAborted();
      // At the next attempt the file may be there, or the metadata service may answer.
      client = undefined;
      throw credentialsError(error, action);
    }
  };
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
  if (status !== undefined || isNetworkCode(systemCode(error)) || /fetch failed|network|timeout/i.test(said))
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

/** The status of the token service's answer, as the library reports it. */
function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('status' in error && typeof error.status === 'number') return error.status;
  const response: unknown = 'response' in error ? error.response : undefined;
  if (typeof response !== 'object' || response === null || !('status' in response)) return undefined;
  return typeof response.status === 'number' ? response.status : undefined;
}
