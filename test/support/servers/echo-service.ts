/** A service that refuses every request and repeats the request in its answer, with its secrets. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface EchoService {
  readonly endpoint: string;
  /** The bearer tokens it was shown. */
  readonly tokens: readonly string[];
  readonly requestCount: number;
  close(): Promise<void>;
}

export async function startEchoService(): Promise<EchoService> {
  const tokens: string[] = [];
  let requestCount = 0;
  const server = createServer((request, response) => {
    requestCount++;
    const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1];
    if (token !== undefined) tokens.push(token);
    request.resume();
    request.once('end', () => {
      const isJson = /^\/(upload\/)?storage\/v1\//.test(request.url ?? '');
      const message = echoOf(request);
      response.writeHead(403, {
        'content-type': isJson ? 'application/json' : 'application/xml',
        'x-ms-error-code': 'AuthenticationFailed',
      });
      response.end(
        isJson
          ? JSON.stringify({ error: { code: 403, message, errors: [{ reason: 'forbidden', message }] } })
          : `<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>${message.replaceAll('&', '&amp;')}</Message></Error>`,
      );
    });
  });
  server.keepAliveTimeout = 0;
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tokens,
    get requestCount() {
      return requestCount;
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What is secret in it first: messages are cut, and a cut secret is still one. */
function echoOf({ headers, url }: IncomingMessage): string {
  const telling = Object.entries(headers).filter(([name]) => /token|customer-key$|authorization/.test(name));
  const texts = telling.map(([name, value]) => `${name}: ${String(value)}`).toSorted(byLength);
  return `no entry (${[url, ...texts].join(' ')})`;
}

function byLength(one: string, other: string): number {
  return one.length - other.length;
}
