/** An S3 over a simulated bucket, for the executable: it checks no signature, and waits before each answer. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describedIn, type Answer } from '../servers/s3/handlers.ts';
import { header } from '../servers/s3/signature.ts';
import { elements, errorXml, escapeXml, textOf } from '../servers/s3/xml.ts';
import type { SimulatedBucket } from './bucket.ts';

export interface SimulatedS3 extends AsyncDisposable {
  /** Of the repository. */
  readonly url: string;
  /** How many requests came since the last call. */
  takeCount(): number;
}

const base = 'repository/';

export async function startSimulatedS3(bucket: SimulatedBucket, latencyMs: number): Promise<SimulatedS3> {
  let count = 0;
  const server = createServer((request, response) => {
    count++;
    void (async () => {
      const body = await bodyOf(request);
      await sleep(latencyMs);
      const { status, headers, body: answer = '' } = answerTo(bucket, request, body);
      response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(answer) });
      response.end(request.method === 'HEAD' ? undefined : answer);
    })();
  });
  server.keepAliveTimeout = 0;
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `s3://simulated/repository?region=us-east-1&endpoint=${encodeURIComponent(endpoint)}&path-style=true`,
    takeCount() {
      const taken = count;
      count = 0;
      return taken;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>(resolve => void server.close(() => resolve()));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
}

function answerTo(bucket: SimulatedBucket, request: IncomingMessage, body: Buffer): Answer {
  const { method = '', url = '/' } = request;
  const { pathname, searchParams: query } = new URL(url, 'http://server');
  const key = pathname.split('/').slice(2).map(decodeURIComponent).join('/').slice(base.length);
  if (query.get('list-type') === '2') return list(bucket, query);
  if (query.has('uploads'))
    return {
      status: 200,
      body: '<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>',
    };
  if (method === 'POST' && query.has('delete')) {
    for (const object of elements(body.toString(), 'Object'))
      bucket.delete((textOf(object, 'Key') ?? '').slice(base.length));
    return { status: 200, body: '<DeleteResult></DeleteResult>' };
  }
  const found = bucket.find(key);
  if (method === 'PUT') {
    if (header(request, 'if-none-match') === '*' && found !== undefined)
      return { status: 412, body: errorXml('PreconditionFailed', 'it exists') };
    const { metadata } = describedIn(request);
    bucket.put(key, { sizeBytes: body.length, modified: new Date(), body, metadata });
    return { status: 200, headers: { etag: '"0"' } };
  }
  if (found === undefined) return { status: 404, body: errorXml('NoSuchKey', 'it does not exist') };
  const metadata = Object.entries(found.metadata ?? {}).map(([name, value]) => [`x-amz-meta-${name}`, value]);
  const headers = {
    etag: '"0"',
    'last-modified': found.modified.toUTCString(),
    ...Object.fromEntries(metadata),
  };
  return { status: 200, headers, body: found.body ?? Buffer.alloc(method === 'HEAD' ? 0 : found.sizeBytes) };
}

function list(bucket: SimulatedBucket, query: URLSearchParams): Answer {
  const { entries, next } = bucket.page({
    prefix: (query.get('prefix') ?? '').slice(base.length),
    after: query.get('continuation-token') ?? (query.get('start-after') ?? '').slice(base.length),
    delimiter: query.get('delimiter') ?? undefined,
  });
  const listed = entries.map(entry =>
    'key' in entry
      ? `<Contents><Key>${escapeXml(base + entry.key)}</Key><LastModified>${entry.modified.toISOString()}</LastModified>` +
        `<ETag>&quot;0&quot;</ETag><Size>${entry.sizeBytes}</Size><StorageClass>STANDARD</StorageClass></Contents>`
      : `<CommonPrefixes><Prefix>${escapeXml(base + entry.prefix)}</Prefix></CommonPrefixes>`,
  );
  const end =
    next === undefined
      ? '<IsTruncated>false</IsTruncated>'
      : `<IsTruncated>true</IsTruncated><NextContinuationToken>${escapeXml(next)}</NextContinuationToken>`;
  return { status: 200, body: `<ListBucketResult>${end}${listed.join('')}</ListBucketResult>` };
}
