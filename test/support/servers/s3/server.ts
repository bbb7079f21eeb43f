/**
 * A small S3 in this process. It is strict where a mistake of walvault could hide (signatures, payload digests, checksums,
 * conditions, order of parts, pages), and lacks everything that walvault does not use. It replaces a real service only
 * for speed: the same contract also runs against Ceph and others (WALVAULT_TEST_S3_URL).
 */
import { createHash } from 'node:crypto';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { base64Crc32, Bucket, S3Failure } from './buckets.ts';
import { Faults, type FaultEffect, type SeenRequest } from './faults.ts';
import { handle, type Answer, type Call } from './handlers.ts';
import { header, rejectSignature } from './signature.ts';
import { errorXml } from './xml.ts';

export interface S3ServerOptions {
  readonly bucket?: string;
  readonly region?: string;
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Smallest part but the last; S3's own is 5 MiB. */
  readonly minPartBytes?: number;
  /** `ignored`: like services that accept any checksum or condition without looking. */
  readonly checksums?: 'verified' | 'ignored';
  readonly conditions?: 'honoured' | 'ignored' | 'ignored-at-joining' | 'not-implemented';
  readonly port?: number;
}

export interface S3Server {
  /** `s3://bucket/prefix?…` for `openStore`, with a prefix of its own on each reading of `urlOf`. */
  readonly url: string;
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly faults: Faults;
  /** Every request that came, in order. */
  readonly requests: readonly SeenRequest[];
  /** The bucket from behind: to damage, freeze or hide what is in it. */
  readonly contents: Bucket;
  urlOf(prefix: string): string;
  /** Ends listening and every connection. */
  close(): Promise<void>;
}

interface State {
  readonly options: S3ServerOptions;
  readonly buckets: Map<string, Bucket>;
  readonly keys: Map<string, string>;
  readonly region: string;
  readonly faults: Faults;
  readonly requests: SeenRequest[];
}

export async function startS3Server(options: S3ServerOptions = {}): Promise<S3Server> {
  const bucket = options.bucket ?? 'walvault-test';
  const region = options.region ?? 'us-east-1';
  const contents = new Bucket(options.minPartBytes ?? 5 * 1024 * 1024);
  const accessKeyId = 'AKIATESTTESTTEST';
  const secretAccessKey = 'test/secret+key/of/the/imitation';
  const state: State = {
    options,
    buckets: new Map([[bucket, contents]]),
    keys: new Map([[accessKeyId, secretAccessKey]]),
    region,
    faults: new Faults(),
    requests: [],
  };
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    void serve(state, request, response);
  };
  const server =
    options.tls === undefined ? createHttpServer(listener) : createHttpsServer(options.tls, listener);
  // Closing idle connections would race with their next use, by chance and under load only.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const endpoint = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  const urlOf = (prefix: string) =>
    `s3://${bucket}/${prefix}?region=${region}&endpoint=${encodeURIComponent(endpoint)}&path-style=true`;
  return {
    url: urlOf('repository'),
    urlOf,
    endpoint,
    bucket,
    region,
    accessKeyId,
    secretAccessKey,
    faults: state.faults,
    requests: state.requests,
    contents,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://server');
  const [, bucketName = '', ...keyParts] = url.pathname.split('/').map(decodeURIComponent);
  const seen = { method: request.method ?? '', key: keyParts.join('/'), query: url.searchParams };
  state.requests.push(seen);
  const effect = state.faults.take(seen);
  try {
    const body = await readBody(request, effect);
    if (body === undefined) return;
    if (effect?.kind === 'delay') await sleep(effect.ms);
    if (effect?.kind === 'stall') return;
    const answer = answerTo(state, { ...seen, request, body }, bucketName, effect);
    send(request, response, answer, effect);
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
    if (effect?.kind === 'reset-request' && sizeBytes >= effect.afterBytes) {
      request.socket.resetAndDestroy();
      return undefined;
    }
  }
  if (effect?.kind === 'reset-request') {
    request.socket.resetAndDestroy();
    return undefined;
  }
  return Buffer.concat(chunks);
}

function answerTo(
  state: State,
  call: Omit<Call, 'bucket' | 'conditions'>,
  bucketName: string,
  effect: FaultEffect | undefined,
): Answer {
  try {
    if (effect?.kind === 'answer') throw new S3Failure(effect.status, effect.code, effect.headers);
    const rejection = rejectSignature(call.request, state.keys, state.region);
    if (rejection !== undefined) throw new S3Failure(rejection.status, rejection.code);
    checkBody(call, state.options);
    const bucket = state.buckets.get(bucketName);
    if (bucket === undefined) throw new S3Failure(404, 'NoSuchBucket');
    return handle({ ...call, bucket, conditions: state.options.conditions ?? 'honoured' });
  } catch (error) {
    if (!(error instanceof S3Failure)) throw error;
    const { status, headers, code, message, details } = error;
    return { status, headers, body: errorXml(code, message, details) };
  }
}

function checkBody({ request, body }: Pick<Call, 'request' | 'body'>, options: S3ServerOptions): void {
  const declared = header(request, 'x-amz-content-sha256');
  const isHashed = /^[0-9a-f]{64}$/.test(declared);
  if (!isHashed && declared !== 'UNSIGNED-PAYLOAD') throw new S3Failure(501, 'NotImplemented');
  if (isHashed && createHash('sha256').update(body).digest('hex') !== declared)
    throw new S3Failure(400, 'XAmzContentSHA256Mismatch');
  if (options.checksums === 'ignored') return;
  const crc32 = header(request, 'x-amz-checksum-crc32');
  if (crc32 !== '' && crc32 !== base64Crc32(body)) throw new S3Failure(400, 'BadDigest');
  const md5 = header(request, 'content-md5');
  if (md5 !== '' && md5 !== createHash('md5').update(body).digest('base64'))
    throw new S3Failure(400, 'BadDigest');
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  effect: FaultEffect | undefined,
): void {
  if (effect?.kind === 'lost-response') {
    request.socket.resetAndDestroy();
    return;
  }
  let body = Buffer.from(answer.body ?? '');
  if (effect?.kind === 'corrupt' && body.length > 0) {
    body = Buffer.from(body);
    body.writeUInt8(body.readUInt8(body.length >> 1) ^ 1, body.length >> 1);
  }
  response.writeHead(answer.status, { ...answer.headers, 'content-length': body.length });
  if (request.method === 'HEAD') {
    response.end();
  } else if (effect?.kind === 'truncate') {
    response.write(body.subarray(0, effect.afterBytes), () => request.socket.end());
  } else {
    response.end(body);
  }
}
