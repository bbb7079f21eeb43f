/** As much of S3 as the driver needs to go on: takes bodies and forgets them, gives the same bytes for every key. */
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';
import { makeCertificates } from '../../test/harness/certificates.ts';

const scheme = process.argv[2] ?? 'http';
const content = Buffer.alloc(4 * 1024 ** 2, 7);
const checksum = Buffer.alloc(4);
checksum.writeUInt32BE(crc32(content));
const getHeaders = {
  etag: '"0"',
  'last-modified': new Date().toUTCString(),
  'content-length': content.length,
  'x-amz-checksum-crc32': checksum.toString('base64'),
};

const listener = (request: IncomingMessage, response: ServerResponse) => {
  const { method = '', url = '' } = request;
  request.resume();
  request.once('end', () => {
    if (method === 'GET') response.writeHead(200, getHeaders).end(content);
    else if (method === 'HEAD') response.writeHead(404).end();
    else if (method === 'PUT') response.writeHead(200, { etag: '"0"', 'content-length': 0 }).end();
    else if (url.includes('uploadId'))
      response
        .writeHead(200)
        .end('<CompleteMultipartUploadResult><ETag>0</ETag></CompleteMultipartUploadResult>');
    else
      response
        .writeHead(200)
        .end('<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>');
  });
};
const server = scheme === 'https' ? createHttps(makeCertificates(), listener) : createHttp(listener);
server.listen(0, '127.0.0.1', () => {
  process.send?.(`${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.once('disconnect', () => process.exit(0));
