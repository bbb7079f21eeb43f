/** The reference for the drivers: the same bytes in a plain request, without further work. */
import * as http from 'node:http';
import * as https from 'node:https';

export interface BareRequests {
  put(path: string, body: Uint8Array): Promise<void>;
  get(path: string): Promise<void>;
}

export function createBareRequests(origin: string): BareRequests {
  const { request, Agent } = origin.startsWith('https') ? https : http;
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  const exchange = (method: string, path: string, body?: Uint8Array) =>
    new Promise<void>((resolve, reject) => {
      const headers = body && { 'content-length': body.length };
      const sent = request(`${origin}${path}`, { agent, method, headers }, answer => {
        answer.on('data', () => undefined);
        answer.once('end', resolve);
      });
      sent.once('error', reject);
      sent.end(body);
    });
  return {
    put: (path, body) => exchange('PUT', path, body),
    get: path => exchange('GET', path),
  };
}
