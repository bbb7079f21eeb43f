/**
 * A small Cloud Storage in this process, because no real one runs locally. It is strict where a mistake of walvault could
 * hide (tokens and their signatures, CRC-32C, generation conditions, the resumable protocol, pages), and lacks
 * everything that neither walvault nor Google's library, its reference in tests, uses here.
 */
import { generateKeyPairSync, randomUUID, verify, type KeyObject } from 'node:crypto';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { GcsBucket, GcsFailure } from './bucket.ts';
import { handle, type GcsReply, type GcsServed } from './handlers.ts';
import { Faults, type FaultEffect, type SeenRequest } from '../s3/faults.ts';

export interface GcsServerOptions {
  readonly bucket?: string;
  /** `ignored`: everybody may do everything, as in emulators. */
  readonly tokens?: 'verified' | 'ignored';
  readonly port?: number;
  readonly tls?: { readonly key: string; readonly cert: string };
}

export interface GcsServer {
  /** `gs://bucket/repository?endpoint=…`. */
  readonly url: string;
  readonly endpoint: string;
  readonly bucket: string;
  readonly contents: GcsBucket;
  readonly faults: Faults;
  /** Every request that came, in order, tokens asked for included. */
  readonly requests: readonly (SeenRequest & { readonly headers: IncomingMessage['headers'] })[];
  /** The JSON of a service account that this server trusts. */
  readonly serviceAccount: Readonly<Record<string, string>>;
  /** The JSON of workload identity federation: `subjectFile` holds what `subjectToken` says. */
  workloadIdentity(subjectFile: string): Readonly<Record<string, unknown>>;
  readonly subjectToken: string;
  /** One that this server takes, as a metadata service would have it. */
  issueToken(): string;
  close(): Promise<void>;
}

interface State {
  readonly options: GcsServerOptions;
  readonly buckets: Map<string, GcsBucket>;
  readonly faults: Faults;
  readonly requests: (SeenRequest & { headers: IncomingMessage['headers'] })[];
  readonly email: string;
  readonly publicKey: KeyObject;
  readonly subjectToken: string;
  readonly issuedTokens: Set<string>;
}

export async function startGcsServer(options: GcsServerOptions = {}): Promise<GcsServer> {
  const bucket = options.bucket ?? 'walvault-test';
  const contents = new GcsBucket();
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const state: State = {
    options,
    buckets: new Map([[bucket, contents]]),
    faults: new Faults(),
    requests: [],
    email: 'walvault@imitation.iam.gserviceaccount.com',
    publicKey,
    subjectToken: `subject-${randomUUID()}`,
    issuedTokens: new Set(),
  };
  const { tls } = options;
  const listener = (request: IncomingMessage, response: ServerResponse) =>
    void serve(state, request, response);
  const server = tls === undefined ? createHttpServer(listener) : createHttpsServer(tls, listener);
  // Closing idle connections would race with their next use, by chance and under load only.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const endpoint = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `gs://${bucket}/repository?endpoint=${encodeURIComponent(endpoint)}`,
    endpoint,
    bucket,
    contents,
    faults: state.faults,
    requests: state.requests,
    subjectToken: state.subjectToken,
    serviceAccount: {
      type: 'service_account',
      project_id: 'imitation',
      private_key_id: 'key-1',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      client_email: state.email,
      client_id: '1',
      token_uri: `${endpoint}/token`,
    },
    issueToken() {
      const token = `issued-${randomUUID()}`;
      state.issuedTokens.add(token);
      return token;
    },
    workloadIdentity: subjectFile => ({
      type: 'external_account',
      audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `${endpoint}/token`,
      credential_source: { file: subjectFile },
    }),
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const origin = `${state.options.tls === undefined ? 'http' : 'https'}://${request.headers.host}`;
  const url = new URL(request.url ?? '/', origin);
  const method = request.method ?? '';
  const seen = { method, key: decodeURIComponent(url.pathname.slice(1)), query: url.searchParams };
  state.requests.push({ ...seen, headers: request.headers });
  const effect = state.faults.take(seen);
  try {
    const body = await readBody(request, effect);
    if (body === undefined) return;
    if (effect?.kind === 'delay') await sleep(effect.ms);
    if (effect?.kind === 'stall') return;
    const findBucket = (name: string) => {
      const bucket = state.buckets.get(name);
      if (bucket === undefined)
        throw new GcsFailure(404, 'NoSuchBucket', 'The specified bucket does not exist.');
      return bucket;
    };
    send(
      request,
      response,
      replyTo(state, { request, method, url, body, origin, findBucket }, effect),
      effect,
    );
  } catch {
    // The client went away in the middle of its request: nothing to answer.
    request.destroy();
  }
}

async function readBody(
  request: IncomingMessage,
  effect: FaultEffect | undefined,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (effect?.kind === 'reset-request' && sizeBytes >= effect.afterBytes) break;
  }
  if (effect?.kind !== 'reset-request') return Buffer.concat(chunks);
  request.socket.resetAndDestroy();
  return undefined;
}

function replyTo(state: State, call: GcsServed, effect: FaultEffect | undefined): GcsReply {
  try {
    if (effect?.kind === 'answer')
      throw new GcsFailure(effect.status, effect.code, undefined, effect.headers);
    if (call.url.pathname === '/token') return issueToken(state, call.body.toString());
    if (state.options.tokens !== 'ignored') verifyToken(state, call.request);
    return handle(call);
  } catch (error) {
    if (!(error instanceof GcsFailure)) throw error;
    return failure(error, call);
  }
}

/** The JSON API and the XML API each fail in their own language. */
function failure({ status, code, message, headers }: GcsFailure, { url }: GcsServed): GcsReply {
  if (/^\/(upload\/)?storage\/v1\//.test(url.pathname)) {
    // The JSON API has one reason for whatever is not there, and tells which in the message.
    const reason = status === 404 ? 'notFound' : code;
    const error = { code: status, message, errors: [{ message, domain: 'global', reason }] };
    return {
      status,
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ error }),
    };
  }
  return {
    status,
    headers: { ...headers, 'content-type': 'application/xml' },
    body: `<?xml version='1.0' encoding='UTF-8'?><Error><Code>${code}</Code><Message>${message}</Message></Error>`,
  };
}

/** RFC 8693, as the Security Token Service does it. */
function issueToken(state: State, form: string): GcsReply {
  if (new URLSearchParams(form).get('subject_token') !== state.subjectToken)
    return {
      status: 400,
      body: JSON.stringify({ error: 'invalid_grant', error_description: 'wrong subject' }),
      headers: { 'content-type': 'application/json' },
    };
  const token = `ya29.${randomUUID()}`;
  state.issuedTokens.add(token);
  const body = {
    access_token: token,
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    token_type: 'Bearer',
    expires_in: 3600,
  };
  return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

/** A token that was issued, or one that a service account signed itself (AIP-4111). */
function verifyToken(state: State, request: IncomingMessage): void {
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) throw new GcsFailure(401, 'AuthenticationRequired', 'Authentication required.');
  if (state.issuedTokens.has(token)) return;
  const [head = '', claims = '', signature = ''] = token.split('.');
  const isSigned = verify(
    'RSA-SHA256',
    Buffer.from(`${head}.${claims}`),
    state.publicKey,
    Buffer.from(signature, 'base64url'),
  );
  const { iss, exp, scope } = isSigned
    ? (JSON.parse(Buffer.from(claims, 'base64url').toString()) as {
        iss: string;
        exp: number;
        scope?: string;
      })
    : { iss: '', exp: 0 };
  if (iss !== state.email || exp * 1000 < Date.now() || scope?.includes('devstorage.read_write') !== true)
    throw new GcsFailure(401, 'AuthenticationRequired', 'Invalid credentials.');
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  reply: GcsReply,
  effect: FaultEffect | undefined,
): void {
  if (effect?.kind === 'lost-response') {
    request.socket.resetAndDestroy();
    return;
  }
  let body = Buffer.from(reply.body ?? '');
  if (effect?.kind === 'corrupt' && body.length > 0) {
    body = Buffer.from(body);
    body.writeUInt8(body.readUInt8(body.length >> 1) ^ 1, body.length >> 1);
  }
  // 204 and 304 have no body, and Node drops the length of those by itself.
  response.writeHead(reply.status, {
    ...reply.headers,
    ...(reply.status !== 204 && { 'content-length': body.length }),
  });
  if (request.method === 'HEAD') response.end();
  else if (effect?.kind === 'truncate')
    response.write(body.subarray(0, effect.afterBytes), () => request.socket.end());
  else response.end(body);
}
