/**
 * Requests to Google Cloud Storage: the JSON API for uploads and listings, the XML API for single objects. The XML API
 * gives metadata and bytes in one answer, and tells a missing object from a missing bucket.
 *
 * Plain node:http(s) instead of Google's client, which takes no signal and retries by its own rules: a push that gave up
 * would leave its requests running.
 */
import { answerBounds } from '../../base/bounds.ts';
import type { IsDownload } from '../driver-kit/bounded-answers.ts';
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { startDeadline } from '../../base/time/deadline.ts';
import { parseJson } from '../../base/json.ts';
import { createHttpAgents, type HttpAgents } from '../driver-kit/http-agents.ts';
import { networkFailure, noAnswerInTime } from '../driver-kit/network-failure.ts';
import { defaultTimeoutMs, fullKeyIn, type ServiceOptions } from '../driver-kit/service-options.ts';
import { createAuthorize, type GcsCredentials } from './credentials.ts';
import { GcsAnswerError, gcsError, type GcsErrorContext } from './error.ts';

export interface GcsStoreOptions extends ServiceOptions, GcsCredentials {
  readonly bucket: string;
  /** The project that pays, for buckets where the requester pays. */
  readonly project?: string | undefined;
}

export interface GcsRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** The path with its query, encoded. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: readonly Uint8Array[] | undefined;
  /** Statuses besides 2xx that are no failures. */
  readonly accept?: readonly number[] | undefined;
}

export interface GcsAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
}

export interface GcsCall extends Pick<GcsErrorContext, 'action' | 'signal' | 'notFound'> {
  /** `idle`: the limit is on time without a moving byte (uploads); otherwise on the answer. */
  readonly limit?: 'idle';
}

export interface GcsConnection {
  readonly bucket: string;
  fullKey(key: string): string;
  /** Sends one request. `read` turns its answer into the result, within the same limits. @throws StoreError */
  send<T>(call: GcsCall, request: GcsRequest, read: (answer: GcsAnswer) => Promise<T> | T): Promise<T>;
  close(): void;
}

const defaultEndpoint = 'https://storage.googleapis.com';
const { limitBytes: longestAnswerBytes } = answerBounds.answer;

/** Objects are read by the XML API, everything else by the JSON API. */
const isDownload: IsDownload = ({ method, path }) => method === 'GET' && !path.includes('/storage/v1/b/');

/** @throws WalvaultError `config` when the CA file cannot be read */
export async function connectGcs(options: GcsStoreOptions): Promise<GcsConnection> {
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const agents = await createHttpAgents({ ...options, timeoutMs, isDownload });
  const tokenAgents = await createHttpAgents({
    ...options,
    timeoutMs,
    isDownload: () => false,
    trustsSystemToo: true,
  });
  const endpoint = new URL(options.endpoint ?? defaultEndpoint);
  const authorize = createAuthorize(options, tokenAgents);
  const { bucket, project } = options;
  return {
    bucket,
    fullKey: key => fullKeyIn(options, key),
    async send(call, request, read) {
      const { action, signal, limit } = call;
      signal.throwIfAborted();
      const deadline = startDeadline(timeoutMs, action, signal);
      try {
        const headers = { ...(await authorize({ action, signal: deadline.signal })), ...request.headers };
        if (project !== undefined) headers['x-goog-user-project'] = project;
        if (limit === 'idle') deadline.clear();
        const within = limit === 'idle' ? signal : deadline.signal;
        const answer = await exchange({ endpoint, agents, signal: within }, { ...request, headers });
        return await read(await successOf(answer, request.accept ?? []));
      } catch (error) {
        if (deadline.signal.aborted && !signal.aborted) throw networkFailure(noAnswerInTime(), action);
        throw gcsError(error, { ...call, bucket });
      } finally {
        deadline.clear();
      }
    },
    close() {
      agents.destroy();
      tokenAgents.destroy();
    },
  };
}

interface Line {
  readonly endpoint: URL;
  readonly agents: HttpAgents;
  readonly signal: AbortSignal;
}

function exchange({ endpoint, agents, signal }: Line, request: GcsRequest): Promise<GcsAnswer> {
  const { method, path, headers, body = [] } = request;
  const isTls = endpoint.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const sent = (isTls ? httpsRequest : httpRequest)({
      agent: isTls ? agents.https : agents.http,
      host: endpoint.hostname.replaceAll(/[[\]]/g, ''),
      port: endpoint.port,
      method,
      path: endpoint.pathname.replace(/\/$/, '') + path,
      headers: {
        ...headers,
        ...(method !== 'GET' &&
          method !== 'HEAD' && { 'content-length': body.reduce((total, chunk) => total + chunk.length, 0) }),
      },
      signal,
    });
    sent.once('error', reject);
    sent.once('response', body => {
      resolve({ status: body.statusCode ?? 0, headers: body.headers, body });
    });
    for (const chunk of body) sent.write(chunk);
    sent.end();
  });
}

async function successOf(answer: GcsAnswer, accept: readonly number[]): Promise<GcsAnswer> {
  const { status, headers } = answer;
  if ((status >= 200 && status < 300) || accept.includes(status)) return answer;
  throw new GcsAnswerError(status, await answerText(answer), headers['retry-after']);
}

export async function answerText({ body }: GcsAnswer): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > longestAnswerBytes) throw new Error(`an answer of more than ${longestAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** The answer as JSON. Other text was cut or comes from a proxy on the way: both are temporary failures. */
export async function answerJson(answer: GcsAnswer): Promise<unknown> {
  return parseJson(await answerText(answer));
}

/** Reads and drops the body, so that the connection can be used again. */
export async function discardBody(answer: GcsAnswer): Promise<void> {
  await answerText(answer);
}

/** The path of an object in the XML API. */
export function objectPath(connection: GcsConnection, key: string): string {
  const parts = connection.fullKey(key).split('/').map(encodeURIComponent);
  return `/${encodeURIComponent(connection.bucket)}/${parts.join('/')}`;
}
