/** The answers of the S3 imitation to requests with a checked signature and body. */
import type { IncomingMessage } from 'node:http';
import { isArchiveClass, isFrozen, S3Failure, type Bucket } from './buckets.ts';
import { header } from './signature.ts';
import { elements, escapeXml, textOf } from './xml.ts';

export interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
}

export interface Call {
  readonly method: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly body: Buffer;
  readonly bucket: Bucket;
  readonly conditions: 'honoured' | 'ignored' | 'ignored-at-joining' | 'not-implemented';
}

export function handle(call: Call): Answer {
  const { method, key, query } = call;
  if (key === '') {
    if (method === 'GET' && query.get('list-type') === '2') return list(call);
    if (method === 'GET' && query.has('uploads')) return listUploads(call);
    if (method === 'GET' && query.has('versioning'))
      return { status: 200, body: '<VersioningConfiguration/>' };
    if (method === 'POST' && query.has('delete')) return deleteMany(call);
  } else if (query.has('uploads') && method === 'POST') {
    return createUpload(call);
  } else if (query.has('restore') && method === 'POST') {
    return thaw(call);
  } else if (query.has('uploadId')) {
    return handleUpload(call, query.get('uploadId') ?? '');
  } else {
    if (method === 'PUT') return put(call);
    if (method === 'GET' || method === 'HEAD') return get(call);
    if (method === 'DELETE') {
      call.bucket.objects.delete(key);
      return { status: 204 };
    }
  }
  throw new S3Failure(501, 'NotImplemented');
}

function put(call: Call): Answer {
  const { bucket, key, body, request } = call;
  const object = bucket.put(key, { data: body, ...describedIn(request) }, isConditional(call));
  return {
    status: 200,
    headers: { etag: `"${object.etag}"`, 'x-amz-checksum-crc32': object.checksum.crc32 },
  };
}

function isConditional({ request, conditions }: Call): boolean {
  const condition = header(request, 'if-none-match');
  if (condition !== '' && conditions === 'not-implemented') throw new S3Failure(501, 'NotImplemented');
  return condition === '*' && conditions !== 'ignored';
}

export function describedIn(request: IncomingMessage): {
  metadata: Record<string, string>;
  storageClass: string;
} {
  const entries = Object.entries(request.headers).filter(([name]) => name.startsWith('x-amz-meta-'));
  const metadata = Object.fromEntries(
    entries.map(([name, value]) => [name.slice('x-amz-meta-'.length), String(value)]),
  );
  return { metadata, storageClass: header(request, 'x-amz-storage-class') || 'STANDARD' };
}

function thaw({ bucket, key, body }: Call): Answer {
  const object = bucket.find(key);
  const days = Number(textOf(body.toString(), 'Days'));
  if (!isArchiveClass(object.storageClass)) throw new S3Failure(403, 'InvalidObjectState');
  if (!(days >= 1)) throw new S3Failure(400, 'MalformedXML');
  if (object.storageClass === 'DEEP_ARCHIVE' && textOf(body.toString(), 'Tier') === 'Expedited')
    throw new S3Failure(400, 'InvalidArgument');
  if (object.thaw === 'ongoing') throw new S3Failure(409, 'RestoreAlreadyInProgress');
  const isThere = object.thaw === 'done';
  if (!isThere) object.thaw = 'ongoing';
  return { status: isThere ? 200 : 202 };
}

const thawHeaders = {
  ongoing: 'ongoing-request="true"',
  done: 'ongoing-request="false", expiry-date="Fri, 01 Jan 2100 00:00:00 GMT"',
};

function get({ bucket, key, request }: Call): Answer {
  const object = bucket.find(key);
  const { storageClass, thaw } = object;
  if (isFrozen(object) && request.method === 'GET')
    throw new S3Failure(403, 'InvalidObjectState', {}, { StorageClass: storageClass });
  const headers: Record<string, string> = {
    etag: `"${object.etag}"`,
    'last-modified': object.modified.toUTCString(),
    ...(storageClass !== 'STANDARD' && { 'x-amz-storage-class': storageClass }),
    ...(thaw && { 'x-amz-restore': thawHeaders[thaw] }),
    ...Object.fromEntries(
      Object.entries(object.metadata).map(([name, value]) => [`x-amz-meta-${name}`, value]),
    ),
  };
  const range = /^bytes=(\d+)-(\d*)$/.exec(header(request, 'range'));
  if (range === null) {
    if (header(request, 'x-amz-checksum-mode') === 'ENABLED') {
      headers['x-amz-checksum-crc32'] = object.checksum.crc32;
      headers['x-amz-checksum-type'] = object.checksum.type;
    }
    return { status: 200, headers, body: object.data };
  }
  const start = Number(range[1]);
  const end = Math.min(range[2] === '' ? Infinity : Number(range[2]), object.data.length - 1);
  if (start >= object.data.length) throw new S3Failure(416, 'InvalidRange');
  headers['content-range'] = `bytes ${start}-${end}/${object.data.length}`;
  return { status: 206, headers, body: object.data.subarray(start, end + 1) };
}

function createUpload({ bucket, key, request }: Call): Answer {
  const id = bucket.createUpload(key, {
    ...describedIn(request),
    hasChecksums: header(request, 'x-amz-checksum-algorithm') !== '',
  });
  return {
    status: 200,
    body: `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
  };
}

function listUploads({ bucket, query }: Call): Answer {
  const prefix = query.get('prefix') ?? '';
  const uploads = [...bucket.uploads]
    .filter(([, { key }]) => key.startsWith(prefix))
    .map(
      ([id, { key, initiated }]) =>
        `<Upload><Key>${escapeXml(key)}</Key><UploadId>${id}</UploadId><Initiated>${initiated.toISOString()}</Initiated></Upload>`,
    );
  return {
    status: 200,
    body: `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${uploads.join('')}</ListMultipartUploadsResult>`,
  };
}

function handleUpload(call: Call, id: string): Answer {
  const { bucket, method, query, body } = call;
  if (method === 'PUT') {
    return {
      status: 200,
      headers: { etag: `"${bucket.putPart(id, Number(query.get('partNumber')), body)}"` },
    };
  }
  if (method === 'DELETE') {
    bucket.upload(id);
    bucket.uploads.delete(id);
    return { status: 204 };
  }
  const parts = elements(body.toString(), 'Part').map(part => ({
    number: Number(textOf(part, 'PartNumber')),
    etag: (textOf(part, 'ETag') ?? '').replaceAll('"', ''),
    crc32: textOf(part, 'ChecksumCRC32'),
  }));
  const object = bucket.completeUpload(
    id,
    parts,
    isConditional(call) && call.conditions !== 'ignored-at-joining',
  );
  return {
    status: 200,
    body: `<CompleteMultipartUploadResult><ETag>&quot;${object.etag}&quot;</ETag></CompleteMultipartUploadResult>`,
  };
}

function deleteMany({ bucket, body, request }: Call): Answer {
  if (
    header(request, 'content-md5') === '' &&
    !Object.keys(request.headers).some(name => name.startsWith('x-amz-checksum-'))
  )
    throw new S3Failure(400, 'MissingContentMD5');
  const keys = elements(body.toString(), 'Object').map(object => textOf(object, 'Key') ?? '');
  if (keys.length > 1000) throw new S3Failure(400, 'MalformedXML');
  for (const key of keys) bucket.objects.delete(key);
  return { status: 200, body: '<DeleteResult></DeleteResult>' };
}

function list({ bucket, query }: Call): Answer {
  const token = query.get('continuation-token');
  const after = token === null ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64').toString();
  const limit = Math.min(Number(query.get('max-keys') ?? 1000), 1000);
  const page = bucket.list({
    prefix: query.get('prefix') ?? '',
    after,
    delimiter: query.get('delimiter') ?? '',
    isNextPage: token !== null,
    limit,
  });
  const contents = page.contents.map(
    ({ key, object }) =>
      `<Contents><Key>${escapeXml(key)}</Key><LastModified>${object.modified.toISOString()}</LastModified>` +
      `<Size>${object.data.length}</Size><StorageClass>${object.storageClass}</StorageClass></Contents>`,
  );
  const prefixes = page.prefixes.map(
    prefix => `<CommonPrefixes><Prefix>${escapeXml(prefix)}</Prefix></CommonPrefixes>`,
  );
  const next =
    page.next === undefined
      ? '<IsTruncated>false</IsTruncated>'
      : `<IsTruncated>true</IsTruncated><NextContinuationToken>${Buffer.from(page.next).toString('base64')}</NextContinuationToken>`;
  return {
    status: 200,
    body: `<ListBucketResult>${next}${contents.join('')}${prefixes.join('')}</ListBucketResult>`,
  };
}
