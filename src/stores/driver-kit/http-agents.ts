/** Connections to a service: reused, bounded in number, and closed when no byte arrives for too long. */
import { boundAnswers, type IsDownload } from './bounded-answers.ts';
import { fileBounds } from '../../base/bounds.ts';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Duplex } from 'node:stream';
import { Socket } from 'node:net';
import { getCACertificates } from 'node:tls';
import { messageOf, WalvaultError } from '../../base/errors/errors.ts';
import { readText } from '../../base/files/read.ts';
import { noAnswerInTime } from './network-failure.ts';

export interface HttpSettings {
  /** PEM file of the only trusted authorities, instead of the system's. */
  readonly caFile?: string | undefined;
  /**
   * True for requests to token services: `caFile` may be for a store inside the company or for a proxy that opens TLS,
   * and the token service of a public cloud has a public certificate all the same.
   */
  readonly trustsSystemToo?: boolean | undefined;
  readonly verifyTls?: boolean | undefined;
  /** Answers to all other requests are bounded. */
  readonly isDownload: IsDownload;
  /** How long the service may send nothing, also in the middle of a body. */
  readonly timeoutMs: number;
}

export interface HttpAgents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
  destroy(): void;
}

const maxSockets = 32;

/**
 * Agents for http and https. The usual variables (`HTTPS_PROXY`, `NO_PROXY`…) name a proxy.
 * @throws WalvaultError `config` when the CA file cannot be read
 */
export async function createHttpAgents({
  caFile,
  trustsSystemToo,
  verifyTls,
  timeoutMs,
  isDownload,
}: HttpSettings): Promise<HttpAgents> {
  const own = caFile === undefined ? undefined : await readCaFile(caFile);
  const ca = own && (trustsSystemToo === true ? [...getCACertificates('default'), own] : own);
  const shared = { keepAlive: true, maxSockets, timeout: timeoutMs, proxyEnv: process.env };
  const http = new HttpAgent(shared);
  const https = new HttpsAgent({ ...shared, rejectUnauthorized: verifyTls ?? true, ...(ca && { ca }) });
  endSilentConnections(http);
  endSilentConnections(https);
  boundAnswers(http, isDownload);
  boundAnswers(https, isDownload);
  return {
    http,
    https,
    destroy() {
      http.destroy();
      https.destroy();
    },
  };
}

export function agentFor({ http, https }: HttpAgents, url: URL): HttpAgent {
  return url.protocol === 'https:' ? https : http;
}

/** Node only reports a socket's timeout; without this the request on it would wait for ever. */
function endSilentConnections(agent: HttpAgent): void {
  const create = agent.createConnection.bind(agent);
  const watch = (stream: Duplex | null | undefined) => {
    if (stream instanceof Socket) stream.on('timeout', () => stream.destroy(noAnswerInTime()));
    return stream;
  };
  agent.createConnection = (options, callback) =>
    watch(
      create(options, (error, stream) => {
        watch(stream);
        callback?.(error, stream);
      }),
    );
}

async function readCaFile(path: string): Promise<string> {
  try {
    return await readText(path, fileBounds.certificates.limitBytes);
  } catch (error) {
    throw new WalvaultError('config', `read the certificate authority ${path}: ${messageOf(error)}`, {
      cause: error,
      hint: 'Point ca-file to a PEM file that this user may read.',
    });
  }
}
