/**
 * A minimal imitation of S3, Cloud Storage and Azure for the drivers: it discards every body, and returns the same
 * bytes for every key. One listener serves all three, because their requests differ.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { crc32 } from 'node:zlib';
import { crc32c } from '../../src/base/checksum/crc32c.ts';

export function createSink(content: Uint8Array) {
  const getHeaders = headersOf(content);
  return (request: IncomingMessage, response: ServerResponse) => {
    request.resume();
    request.once('end', () => {
      if (request.method === 'GET') {
        response.writeHead(200, getHeaders).end(content);
        return;
      }
      const { status, headers, text } = answerTo(request);
      response.writeHead(status, { ...headers, 'content-length': text.length }).end(text);
    });
  };
}

/** What each of the services tells of an object, with the checksum that its driver looks at. */
function headersOf(content: Uint8Array): OutgoingHttpHeaders {
  return {
    etag: '"0"',
    'last-modified': new Date().toUTCString(),
    'content-length': content.length,
    'x-amz-checksum-crc32': base64Of(crc32(content)),
    'x-goog-hash': `crc32c=${base64Of(crc32c(content))},md5=${createHash('md5').update(content).digest('base64')}`,
    'x-ms-meta-walvaultcrc32': crc32(content).toString(16).padStart(8, '0'),
  };
}

function base64Of(checksum: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(checksum);
  return bytes.toString('base64');
}

interface Answer {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly text: string;
}

function answerTo({ method, url = '', headers }: IncomingMessage): Answer {
  if (method === 'HEAD') return { status: 404, text: '' };
  if ('x-ms-version' in headers) return { status: 201, headers: { etag: '"0"' }, text: '' };
  const { 'content-range': range } = headers;
  if (range !== undefined) return resumableAnswer(range);
  if (url.includes('uploadType=resumable'))
    return { status: 200, headers: { location: `http://${headers.host}/session` }, text: '' };
  if (url.startsWith('/upload/')) return { status: 200, text: '{"generation":"1"}' };
  if (method === 'PUT') return { status: 200, headers: { etag: '"0"' }, text: '' };
  const kind = url.includes('uploadId') ? 'CompleteMultipartUploadResult' : 'InitiateMultipartUploadResult';
  return { status: 200, text: `<${kind}><ETag>0</ETag><UploadId>1</UploadId></${kind}>` };
}

/** `bytes 0-8388607/*`: there is more to come. */
function resumableAnswer(range: string): Answer {
  const [, last] = /-(\d+)\/\*$/.exec(range) ?? [];
  if (last === undefined) return { status: 200, text: '{"generation":"1"}' };
  return { status: 308, headers: { range: `bytes=0-${last}` }, text: '' };
}
