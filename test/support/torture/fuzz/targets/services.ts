/** The answers of object stores, from the first byte of the status line: listings, objects, errors. */
import { createServer, type AddressInfo } from 'node:net';
import { Secret } from '../../../../../src/base/secret.ts';
import { createAzureStore } from '../../../../../src/stores/azure/store.ts';
import { createGcsStore } from '../../../../../src/stores/gcs/store.ts';
import { connectS3 } from '../../../../../src/stores/s3/connection.ts';
import { createS3Store } from '../../../../../src/stores/s3/store.ts';
import { versionsOf } from '../../../../../src/stores/s3/versions.ts';
import type { Store } from '../../../../../src/stores/store.ts';
import { signal } from '../../../site/archive.ts';
import type { Random } from '../random.ts';
import type { FuzzTarget, OpenTarget } from '../target.ts';

/** A service that answers each request with the same bytes, and closes. */
async function serve(): Promise<{ endpoint: string; answer: (bytes: Buffer) => void }> {
  let bytes: Buffer = Buffer.alloc(0);
  const server = createServer(socket => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(bytes));
  });
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { endpoint, answer: next => (bytes = next) };
}

const common = { prefix: '', partSizeBytes: 5 * 1024 ** 2, timeoutMs: 2000 };

const openers: Readonly<Record<string, (endpoint: string) => Promise<Store>>> = {
  s3: endpoint => createS3Store({ ...s3Options, endpoint }),
  gcs: endpoint => createGcsStore({ ...common, url: 'gs://b', bucket: 'b', isAnonymous: true, endpoint }),
  azure: endpoint =>
    createAzureStore({
      ...common,
      url: 'azure://a/c',
      account: 'a',
      container: 'c',
      endpoint,
      credentials: { kind: 'account-key', accountKey: new Secret(Buffer.from('k').toString('base64')) },
    }),
};

const s3Options = {
  ...common,
  url: 's3://b',
  bucket: 'b',
  region: 'r',
  pathStyle: true,
  credentials: { accessKeyId: new Secret('a'), secretAccessKey: new Secret('s') },
};

/** Any call of a store; what it gives is read to its end. */
async function callAny(store: Store, random: Random): Promise<void> {
  const key = 'orders/1/cluster.json';
  const data = Buffer.from('content');
  switch (random.below(6)) {
    case 0:
    case 1: {
      let entries = 0;
      for await (const entry of store.list({ prefix: 'orders/', delimiter: '/', signal })) {
        const { prefix, key: found = '' } = entry as { prefix?: unknown; key?: string };
        if (typeof (prefix ?? found) !== 'string') throw new Error('an entry whose name is no text');
        if ('key' in entry && !Number.isSafeInteger(entry.sizeBytes))
          throw new Error('an entry whose size is no number');
        if ('key' in entry && !(entry.modified instanceof Date))
          throw new Error('an entry whose time is no time');
        if (++entries > 1_000_000) throw new Error('a listing without end');
      }
      break;
    }
    case 2: {
      const { stat, body } = await store.get(key, { signal });
      if (!Number.isSafeInteger(stat.sizeBytes) || stat.sizeBytes < 0) throw new Error('a size that is none');
      if (Object.values(stat.metadata).some(value => typeof value !== 'string'))
        throw new Error('metadata that is no text');
      for await (const _ of body);
      break;
    }
    case 3: {
      const stat = await store.head(key, { signal });
      if (stat !== undefined && !Number.isSafeInteger(stat.sizeBytes)) throw new Error('a size that is none');
      break;
    }
    case 4:
      await store.put(key, [data], { ifAbsent: true, objectClass: 'wal', sizeBytes: data.length, signal });
      break;
    default:
      await store.delete([key, 'orders/1/other.json'], { signal });
  }
}

function http(status: string, body: string, headers: Readonly<Record<string, string>> = {}): Buffer {
  const lines = Object.entries({
    'content-type': 'application/xml',
    ...headers,
    'content-length': String(Buffer.byteLength(body)),
  });
  return Buffer.from(
    `HTTP/1.1 ${status}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  );
}

/** Makes the length right again, so that a changed body is read to its end. */
function withLength(input: Buffer): Buffer {
  const text = input.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return input;
  const head = text
    .slice(0, end)
    .replace(/content-length: *\d*/i, `content-length: ${input.length - end - 4}`);
  return Buffer.concat([Buffer.from(head, 'latin1'), input.subarray(end)]);
}

async function service(kind: string, corpus: readonly Buffer[]): Promise<OpenTarget> {
  const { endpoint, answer } = await serve();
  const store = await openers[kind]?.(endpoint);
  if (store === undefined) throw new Error(`no driver ${kind}`);
  const versions = kind === 's3' ? await connectS3({ ...s3Options, endpoint }) : undefined;
  return {
    form: 'text',
    corpus: [...corpus, ...objectAnswers],
    repair: withLength,
    async parse(input, { random }) {
      answer(input);
      if (versions === undefined || random.below(8) > 0) return await callAny(store, random);
      if (random.onceIn(2)) for await (const { key } of versionsOf(versions, ['a', 'b'], signal)) key.trim();
      else for await (const entry of store.listUnfinished?.({ prefix: '', signal }) ?? []) entry.key.trim();
    },
  };
}

const objectAnswers = [
  http('200 OK', 'content', {
    'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT',
    etag: '"a"',
    'x-amz-meta-digest': 'sha256:aa',
    'x-goog-meta-digest': 'sha256:aa',
    'x-ms-meta-digest': 'sha256:aa',
    'x-amz-checksum-crc32': 'AAAAAA==',
    'x-goog-hash': 'crc32c=AAAAAA==',
    'x-goog-stored-content-length': '7',
    'content-range': 'bytes 0-6/7',
  }),
  http('404 Not Found', '<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>none</Message></Error>', {
    'x-amz-delete-marker': 'true',
    'x-ms-error-code': 'BlobNotFound',
  }),
  http('403 Forbidden', '<Error><Code>AccessDenied</Code><Message>no</Message></Error>', {
    'x-ms-error-code': 'AuthorizationFailure',
  }),
  http(
    '503 Slow Down',
    '{"error":{"code":503,"message":"until 2026-12-01T00:00:00Z","errors":[{"reason":"rateLimitExceeded"}]}}',
    { 'retry-after': '120', 'content-type': 'application/json' },
  ),
  http('400 Bad Request', '<Error><Code>constructor</Code></Error>', { 'x-ms-error-code': '__proto__' }),
  http('400 Bad Request', '{"error":{"errors":[{"reason":"__proto__"}]}}'),
  http('412 Precondition Failed', ''),
  http('301 Moved Permanently', '', { location: 'http://127.0.0.1:1/' }),
];

const parsersOf = (driver: string) => [
  `stores/${driver}/list.ts#listObjects`,
  'stores/driver-kit/arriving-body.ts#readArriving',
];

export const s3Answers: FuzzTarget = {
  name: 's3-answers',
  reads: 'the answers of S3',
  parsers: [
    ...parsersOf('s3'),
    'stores/s3/list-page.ts#readListPage',
    'stores/s3/read-answer-first.ts#readAnswerFirst',
    'stores/s3/versions.ts#versionsOf',
    'stores/s3/unfinished.ts#listUploads',
    'stores/s3/error.ts#s3Error',
  ],
  open: () =>
    service('s3', [
      http(
        '200 OK',
        '<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>orders/1/a</Key><Size>1</Size><LastModified>2026-01-01T00:00:00Z</LastModified><StorageClass>GLACIER</StorageClass></Contents><Contents><Key>orders/1/b</Key><Size>2</Size><LastModified>2026-01-01T00:00:00Z</LastModified></Contents><CommonPrefixes><Prefix>orders/2/</Prefix></CommonPrefixes></ListBucketResult>',
      ),
      http(
        '200 OK',
        '<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>',
      ),
      http(
        '200 OK',
        '<ListVersionsResult><IsTruncated>true</IsTruncated><Version><Key>b</Key><VersionId>1</VersionId></Version><DeleteMarker><Key>b</Key><VersionId>null</VersionId></DeleteMarker><NextKeyMarker>k</NextKeyMarker><NextVersionIdMarker>u</NextVersionIdMarker></ListVersionsResult>',
      ),
      http(
        '200 OK',
        '<ListMultipartUploadsResult><Upload><Key>a</Key><UploadId>u</UploadId><Initiated>2026-01-01T00:00:00Z</Initiated></Upload><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>',
      ),
      http(
        '200 OK',
        '<DeleteResult><Deleted><Key>orders/1/cluster.json</Key></Deleted><Error><Key>orders/1/other.json</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>',
      ),
    ]),
};

export const gcsAnswers: FuzzTarget = {
  name: 'gcs-answers',
  reads: 'the answers of Google Cloud Storage',
  parsers: [...parsersOf('gcs'), 'stores/gcs/error.ts#gcsError'],
  open: () =>
    service('gcs', [
      http(
        '200 OK',
        JSON.stringify({
          items: [{ name: 'orders/1/a', size: '1', updated: '2026-01-01T00:00:00Z' }],
          prefixes: ['orders/2/'],
        }),
        { 'content-type': 'application/json' },
      ),
      http('200 OK', '{"items":[],"nextPageToken":"t"}', { 'content-type': 'application/json' }),
    ]),
};

export const azureAnswers: FuzzTarget = {
  name: 'azure-answers',
  reads: 'the answers of Azure Blob Storage',
  parsers: [...parsersOf('azure'), 'stores/azure/error.ts#azureError'],
  open: () =>
    service('azure', [
      http(
        '200 OK',
        '<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs><Blob><Name>orders/1/a</Name><Properties><Last-Modified>Thu, 01 Jan 2026 00:00:00 GMT</Last-Modified><Content-Length>1</Content-Length><AccessTier>Archive</AccessTier></Properties></Blob><BlobPrefix><Name>orders/2/</Name></BlobPrefix></Blobs><NextMarker></NextMarker></EnumerationResults>',
      ),
      http('200 OK', '<EnumerationResults><Blobs></Blobs><NextMarker>m</NextMarker></EnumerationResults>'),
    ]),
};
