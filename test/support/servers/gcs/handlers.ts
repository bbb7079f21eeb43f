/**
 * The calls that the imitation supports: Cloud Storage's JSON API for uploads, listings and, as Google's own library
 * reads them, single objects; the XML API for single objects.
 */
import type { IncomingMessage } from 'node:http';
import { GcsFailure, type GcsBucket, type GcsObject, type NewObject } from './bucket.ts';

export interface GcsReply {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
}

export interface GcsServed {
  readonly request: IncomingMessage;
  readonly method: string;
  readonly url: URL;
  readonly body: Buffer;
  readonly origin: string;
  findBucket(name: string): GcsBucket;
}

export function handle(call: GcsServed): GcsReply {
  const { method, url } = call;
  const [, upload, list] =
    /^\/(?:upload\/storage\/v1\/b\/([^/]+)\/o|storage\/v1\/b\/([^/]+)\/o)$/.exec(url.pathname) ?? [];
  const [, bucketOfObject, object = ''] = /^\/storage\/v1\/b\/([^/]+)\/o\/([^/]+)$/.exec(url.pathname) ?? [];
  if (upload !== undefined) return handleUpload(call, call.findBucket(decodeURIComponent(upload)));
  if (list !== undefined && method === 'GET')
    return handleList(call, call.findBucket(decodeURIComponent(list)));
  if (bucketOfObject !== undefined) {
    const bucket = call.findBucket(decodeURIComponent(bucketOfObject));
    const key = decodeURIComponent(object);
    const isResource = method === 'GET' && url.searchParams.get('alt') !== 'media';
    return isResource ? resourceReply(key, bucket.find(key), url) : handleObject(call, bucket, key);
  }
  const [bucketName = '', ...parts] = url.pathname.slice(1).split('/').map(decodeURIComponent);
  return handleObject(call, call.findBucket(bucketName), parts.join('/'));
}

function handleUpload(call: GcsServed, bucket: GcsBucket): GcsReply {
  const { url, method, body, request, origin } = call;
  const id = url.searchParams.get('upload_id');
  if (id !== null) return method === 'DELETE' ? cancelUpload(bucket, id) : continueUpload(call, bucket, id);
  const condition = url.searchParams.get('ifGenerationMatch') ?? undefined;
  if (url.searchParams.get('uploadType') === 'resumable') {
    const session = bucket.openUpload(named(JSON.parse(body.toString()) as NewObject, url), condition);
    const query = new URLSearchParams({ uploadType: 'resumable', upload_id: session });
    const fields = url.searchParams.get('fields');
    if (fields !== null) query.set('fields', fields);
    return { status: 200, headers: { location: `${origin}${url.pathname}?${query.toString()}` } };
  }
  const parts = relatedParts(request, body);
  const resource = named(parts.resource, url);
  return resourceReply(resource.name, bucket.put(resource, parts.data, condition), url);
}

/** The name may stand in the query instead ("Objects: insert"). */
function named(resource: NewObject, url: URL): NewObject {
  return { ...resource, name: url.searchParams.get('name') ?? resource.name };
}

function cancelUpload(bucket: GcsBucket, id: string): GcsReply {
  bucket.upload(id);
  bucket.uploads.delete(id);
  return { status: 499 };
}

function continueUpload({ request, body, url }: GcsServed, bucket: GcsBucket, id: string): GcsReply {
  const upload = bucket.upload(id);
  const [, start, end, total] =
    /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(request.headers['content-range'] ?? '') ?? [];
  if (upload.result !== undefined) return resourceReply(upload.resource.name, upload.result, url);
  const isQuestion = start === undefined && total === '*';
  if (total === undefined) throw new GcsFailure(400, 'invalid', 'no Content-Range');
  if (!isQuestion) {
    if (start !== undefined && Number(end) - Number(start) + 1 !== body.length)
      throw new GcsFailure(400, 'invalid', 'Content-Range and the body differ');
    const object = bucket.append(id, {
      start: start === undefined ? upload.receivedBytes : Number(start),
      data: body,
      totalBytes: total === '*' ? undefined : Number(total),
      crc32c: /crc32c=([^,]+)/.exec(String(request.headers['x-goog-hash'] ?? ''))?.[1],
    });
    if (object !== undefined) {
      bucket.uploads.delete(id);
      bucket.uploads.set(id, upload);
      return resourceReply(upload.resource.name, object, url);
    }
  }
  return {
    status: 308,
    headers: upload.receivedBytes === 0 ? {} : { range: `bytes=0-${upload.receivedBytes - 1}` },
  };
}

/** An object's description, cut down to the `fields` that were asked for. */
function resourceReply(name: string, object: GcsObject, url: URL): GcsReply {
  const resource = {
    kind: 'storage#object',
    name,
    generation: object.generation,
    size: String(object.data.length),
    crc32c: object.crc32c,
    storageClass: object.storageClass,
    updated: object.updated.toISOString(),
    // As the service does, what would be empty is left out.
    ...(Object.keys(object.metadata).length > 0 && { metadata: object.metadata }),
  };
  const fields = url.searchParams.get('fields')?.split(',');
  const shown = Object.entries(resource).filter(([field]) => fields?.includes(field) ?? true);
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(Object.fromEntries(shown)),
  };
}

/** multipart/related of two parts (RFC 2387): the resource as JSON, then the bytes. */
function relatedParts(request: IncomingMessage, body: Buffer): { resource: NewObject; data: Buffer } {
  const boundary = /boundary="?([^";]+)/.exec(request.headers['content-type'] ?? '')?.[1];
  if (boundary === undefined) throw new GcsFailure(400, 'badRequest', 'no boundary');
  const firstHead = body.indexOf('\r\n\r\n');
  const second = body.indexOf(`\r\n--${boundary}`, firstHead);
  const secondHead = body.indexOf('\r\n\r\n', second);
  const end = body.lastIndexOf(`\r\n--${boundary}--`);
  if (firstHead < 0 || second < 0 || secondHead < 0 || end < secondHead)
    throw new GcsFailure(400, 'badRequest', 'not multipart/related');
  return {
    resource: JSON.parse(body.subarray(firstHead + 4, second).toString()) as NewObject,
    data: Buffer.from(body.subarray(secondHead + 4, end)),
  };
}

function handleList({ url }: GcsServed, bucket: GcsBucket): GcsReply {
  const query = url.searchParams;
  const token = query.get('pageToken');
  const page = bucket.list({
    prefix: query.get('prefix') ?? '',
    from: query.get('startOffset') ?? '',
    after: token === null ? '' : Buffer.from(token, 'base64').toString(),
    delimiter: query.get('delimiter') ?? '',
    limit: Math.min(Number(query.get('maxResults') ?? 1000), 1000),
  });
  const body = {
    // As the service does, what would be empty is left out.
    ...(page.items.length > 0 && {
      items: page.items.map(({ key, object }) => ({
        name: key,
        size: String(object.data.length),
        updated: object.updated.toISOString(),
      })),
    }),
    ...(page.prefixes.length > 0 && { prefixes: page.prefixes }),
    ...(page.next !== undefined && { nextPageToken: Buffer.from(page.next).toString('base64') }),
  };
  return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

function handleObject({ method, request }: GcsServed, bucket: GcsBucket, key: string): GcsReply {
  const object = bucket.find(key);
  if (method === 'DELETE') {
    bucket.objects.delete(key);
    return { status: 204 };
  }
  if (method !== 'GET' && method !== 'HEAD') throw new GcsFailure(405, 'MethodNotAllowed');
  const headers: Record<string, string> = {
    'last-modified': object.updated.toUTCString(),
    'x-goog-generation': object.generation,
    'x-goog-hash': `crc32c=${object.crc32c}`,
    'x-goog-storage-class': object.storageClass,
    'x-goog-stored-content-encoding': 'identity',
    'x-goog-stored-content-length': String(object.data.length),
    ...Object.fromEntries(
      Object.entries(object.metadata).map(([name, value]) => [`x-goog-meta-${name}`, value]),
    ),
  };
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  if (from === undefined) return { status: 200, headers, body: object.data };
  const start = Number(from);
  const end = Math.min(to === '' || to === undefined ? Infinity : Number(to), object.data.length - 1);
  if (start >= object.data.length) throw new GcsFailure(416, 'InvalidRange');
  headers['content-range'] = `bytes ${start}-${end}/${object.data.length}`;
  return { status: 206, headers, body: object.data.subarray(start, end + 1) };
}
