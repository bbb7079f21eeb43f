/** A minimal S3 server for init, push and fetch: it keeps objects by their paths, and answers 404 to the rest. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ObjectServer extends AsyncDisposable {
  readonly origin: string;
}

interface Kept {
  readonly body: Buffer;
  readonly headers: Record<string, string>;
}

export async function startObjectServer(): Promise<ObjectServer> {
  const objects = new Map<string, Kept>();
  const server = createServer((request, response) => void answer(objects, request, response));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

async function answer(
  objects: Map<string, Kept>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const path = (request.url ?? '').replace(/\?.*/, '');
  const found = objects.get(path);
  if (request.method === 'PUT' && found !== undefined) {
    response.writeHead(412, { 'content-type': 'application/xml' }).end(errorXml('PreconditionFailed'));
  } else if (request.method === 'PUT') {
    const kept = Object.entries(request.headers).filter(([name]) => /^x-amz-(meta-|checksum-crc)/.test(name));
    const headers = Object.fromEntries(kept) as Record<string, string>;
    objects.set(path, { body: Buffer.concat(chunks), headers });
    response.writeHead(200, { etag: '"0"', 'content-length': 0 }).end();
  } else if (found === undefined) {
    response.writeHead(404, { 'content-type': 'application/xml' }).end(errorXml('NoSuchKey'));
  } else {
    const facts = { etag: '"0"', 'last-modified': new Date().toUTCString() };
    response.writeHead(200, { ...found.headers, ...facts, 'content-length': found.body.length });
    response.end(request.method === 'HEAD' ? undefined : found.body);
  }
}

function errorXml(code: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;
}
