/** Services whose answers have no end: they fail in time, and take no memory; the content of an object has no limit. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, it } from 'vitest';
import { Secret } from '../../../src/base/secret.ts';
import { createAzureStore } from '../../../src/stores/azure/store.ts';
import { createGcsStore } from '../../../src/stores/gcs/store.ts';
import { createS3Store } from '../../../src/stores/s3/store.ts';
import type { Store } from '../../../src/stores/store.ts';
import { names } from '../../contract/contract-driver.ts';

const mebibyte = 1024 ** 2;
const { signal } = new AbortController();
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Service {
  readonly endpoint: string;
  sentBytes(): number;
}

/** Answers each request with this status and so many bytes. */
async function serve(status: number, sizeBytes: number): Promise<Service> {
  const chunk = Buffer.alloc(65_536, ' ');
  let sentBytes = 0;
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status, {
      'content-type': 'application/xml',
      'last-modified': 'Sun, 22 Nov 2026 02:00:00 GMT',
      etag: '"a"',
      ...(sizeBytes < Infinity && { 'content-length': String(sizeBytes) }),
    });
    let left = sizeBytes;
    const send = () => {
      while (left > 0 && !response.destroyed) {
        left -= chunk.length;
        sentBytes += chunk.length;
        if (!response.write(chunk)) return void response.once('drain', send);
      }
      response.end();
    };
    send();
  });
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sentBytes: () => sentBytes,
  };
}

const common = { prefix: '', partSizeBytes: 5 * mebibyte, timeoutMs: 20_000 };

const drivers: Record<string, (endpoint: string) => Promise<Store>> = {
  S3: endpoint =>
    createS3Store({
      ...common,
      url: 's3://b',
      bucket: 'b',
      region: 'r',
      pathStyle: true,
      credentials: { accessKeyId: new Secret('a'), secretAccessKey: new Secret('s') },
      endpoint,
    }),
  GCS: endpoint => createGcsStore({ ...common, url: 'gs://b', bucket: 'b', endpoint, isAnonymous: true }),
  Azure: endpoint =>
    createAzureStore({
      ...common,
      url: 'azure://a/c',
      account: 'a',
      container: 'c',
      credentials: { kind: 'account-key', accountKey: new Secret(Buffer.alloc(32).toString('base64')) },
      endpoint: `${endpoint}/a`,
    }),
};

for (const [name, open] of Object.entries(drivers))
  describe(`${name}, where answers have no end`, () => {
    const opened = async (endpoint: string) => {
      const store = await open(endpoint);
      closers.unshift(() => store.close());
      return store;
    };

    it('a listing fails', async () => {
      const service = await serve(200, Infinity);
      const store = await opened(service.endpoint);
      await assert.rejects(names(store, { prefix: 'a/' }));
      assert.ok(service.sentBytes() < 40 * mebibyte, `${service.sentBytes()} bytes`);
    });

    it('an error fails as one', async () => {
      const service = await serve(500, Infinity);
      const store = await opened(service.endpoint);
      await assert.rejects(names(store, { prefix: 'a/' }));
      await assert.rejects(store.get('a', { signal }));
      assert.ok(service.sentBytes() < 40 * mebibyte, `${service.sentBytes()} bytes`);
    });

    it('the content of an object comes whole', async () => {
      const service = await serve(200, 20 * mebibyte);
      const { body } = await (await opened(service.endpoint)).get('a', { signal });
      let sizeBytes = 0;
      for await (const chunk of body) sizeBytes += chunk.length;
      assert.equal(sizeBytes, 20 * mebibyte);
    });
  });
