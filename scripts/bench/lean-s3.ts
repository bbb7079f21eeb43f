/**
 * A small S3 server for archivers of WAL, with the rules of the tests' imitation. It saves processor time, which a
 * drain on the same machine needs: it checks no signature, and keeps only the metadata and the size of a segment. A segment
 * costs it 6 to 10 ms, nearly all of that TLS; the imitation needs over 20. The data of backups is kept, for their restores.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { crc32 } from 'node:zlib';
import { S3Failure, type Bucket } from '../../test/support/servers/s3/buckets.ts';
import { describedIn, handle, type Answer } from '../../test/support/servers/s3/handlers.ts';
import { header } from '../../test/support/servers/s3/signature.ts';
import { errorXml } from '../../test/support/servers/s3/xml.ts';

/** What stands for the content of every segment. */
const nothing = Buffer.alloc(32 * 1024 ** 2);

export function createLeanS3(bucket: Bucket) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const { method = '', url = '/' } = request;
    const { pathname, searchParams: query } = new URL(url, 'http://server');
    const key = pathname.split('/').slice(2).map(decodeURIComponent).join('/');
    const isSegment = isSegmentKey(key);
    const isWritten =
      (isSegment || isBackupDataKey(key)) &&
      (method === 'PUT' || (method === 'POST' && query.has('uploadId')));
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    request.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (!isWritten || !isSegment) chunks.push(chunk);
    });
    request.once('end', () => {
      const answer = answerOrFailure(() =>
        isWritten
          ? writeObject({
              bucket,
              key,
              query,
              request,
              data: isSegment ? nothing.subarray(0, sizeBytes) : Buffer.concat(chunks),
            })
          : handle({
              method,
              key,
              query,
              request,
              body: Buffer.concat(chunks),
              bucket,
              conditions: 'honoured',
            }),
      );
      const body = answer.body ?? '';
      response.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(body) });
      response.end(method === 'HEAD' ? undefined : body);
    });
  };
}

/** As walvault names one, and as pgBackRest does. */
export function isSegmentKey(key: string): boolean {
  return /\/[0-9A-F]{24}(-[0-9a-f]{40}(\.zst)?)?$/.test(key);
}

/** A part of a backup by walvault, and a file in one by pgBackRest. */
export function isBackupDataKey(key: string): boolean {
  return /\/parts\/\d{6}\.tar[.a-z]*$|\/pg_data\/.*\.zst$/.test(key);
}

interface WriteCall {
  readonly bucket: Bucket;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly data: Buffer;
}

/** At once, in parts, or as the end of an upload in parts, which is how pgBackRest sends more than 5 MiB. */
function writeObject({ bucket, key, query, request, data }: WriteCall): Answer {
  const upload = query.get('uploadId');
  const answer = { status: 200, headers: { etag: '"0"' } };
  if (upload !== null && request.method === 'PUT') {
    bucket.upload(upload).parts.set(Number(query.get('partNumber')), { data, etag: '0', crc32: '' });
    return answer;
  }
  if (header(request, 'if-none-match') === '*' && bucket.objects.has(key))
    throw new S3Failure(412, 'PreconditionFailed');
  const pieces = upload === null ? [data] : piecesOf(bucket, upload);
  if (upload !== null) bucket.uploads.delete(upload);
  const isKept = !isSegmentKey(key);
  const whole = !isKept
    ? nothing.subarray(
        0,
        pieces.reduce((total, piece) => total + piece.length, 0),
      )
    : Buffer.concat(pieces);
  // Who sends an object in parts may leave the checksum of the whole to the service.
  const announced = header(request, 'x-amz-checksum-crc32');
  bucket.objects.set(key, {
    ...describedIn(request),
    data: whole,
    etag: '0',
    modified: new Date(),
    checksum: { crc32: announced === '' && isKept ? checksumOf(whole) : announced, type: 'FULL_OBJECT' },
  });
  if (upload === null) return answer;
  return { ...answer, body: '<CompleteMultipartUploadResult><ETag>0</ETag></CompleteMultipartUploadResult>' };
}

function checksumOf(data: Buffer): string {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(data));
  return sum.toString('base64');
}

/** In the order of their numbers; sent side by side, they come in any. */
function piecesOf(bucket: Bucket, upload: string): Buffer[] {
  return [...bucket.upload(upload).parts]
    .toSorted(([one], [other]) => one - other)
    .map(([, { data }]) => data);
}

function answerOrFailure(work: () => Answer): Answer {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof S3Failure)) throw error;
    const { status, headers, code, message, details } = error;
    return { status, headers, body: errorXml(code, message, details) };
  }
}
