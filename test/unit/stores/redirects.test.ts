/** Services, or whoever answers in their place, that send a request elsewhere: credentials and data do not follow. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'vitest';
import { Secret } from '../../../src/base/secret.ts';
import { openStore } from '../../../src/stores/open.ts';
import { createGcsStore } from '../../../src/stores/gcs/store.ts';
import { StoreError, type Store } from '../../../src/stores/store.ts';
import { startTokenServer, type TokenAnswer, type TokenServer } from '../../support/servers/token-server.ts';

const { signal } = new AbortController();
const timeoutMs = 2000;
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(answer: () => TokenAnswer): Promise<TokenServer> {
  const server = await startTokenServer(answer);
  closers.push(() => server.close());
  return server;
}

const stores = {
  s3: (endpoint: string): Promise<Store> =>
    openStore({
      url: `s3://b/p?region=r&path-style=true&endpoint=${encodeURIComponent(endpoint)}`,
      accessKeyId: new Secret('id'),
      secretAccessKey: new Secret('secret'),
      timeoutMs,
    }),
  gcs: (endpoint: string): Promise<Store> =>
    createGcsStore({
      url: 'gs://b',
      bucket: 'b',
      prefix: '',
      endpoint,
      isAnonymous: true,
      partSizeBytes: 256 * 1024,
      timeoutMs,
    }),
  azure: (endpoint: string): Promise<Store> =>
    openStore({
      url: `azure://a/c?endpoint=${encodeURIComponent(endpoint)}`,
      accountKey: new Secret(Buffer.from('key').toString('base64')),
      timeoutMs,
    }),
};

const body = [Buffer.alloc(1024 ** 2, 'x')];

/** As a stream it goes in parts. */
async function* streamed(): AsyncGenerator<Uint8Array> {
  yield* body;
}

for (const [name, open] of Object.entries(stores))
  describe(`${name}: an answer that leads elsewhere`, () => {
    // Azure's client asks again for seconds.
    for (const status of name === 'azure' ? [307] : [301, 302, 307, 308])
      test(`with ${status} is an error, and nothing is sent there`, async () => {
        const elsewhere = await serve(() => ({}));
        const headers = {
          location: `${elsewhere.url}/b/k`,
          'x-amz-bucket-region': 'elsewhere-1',
          'x-goog-upload-url': elsewhere.url,
        };
        const service = await serve(() => ({ status, headers, text: '' }));
        const store = await open(service.url);
        closers.push(() => store.close());
        const attempts: Readonly<Record<string, () => Promise<unknown>>> = {
          get: () => store.get('k', { signal }),
          head: () => store.head('k', { signal }),
          list: () => Array.fromAsync(store.list({ prefix: '', signal })),
          put: () => store.put('k', body, { ifAbsent: true, objectClass: 'wal', signal }),
          'put in parts': () => store.put('k', streamed(), { ifAbsent: true, objectClass: 'wal', signal }),
        };
        for (const [what, attempt] of Object.entries(attempts))
          await assert.rejects(attempt(), error => error instanceof StoreError, `${what} was taken`);
        assert.ok(service.requests.length >= 4);
        assert.deepEqual(elsewhere.requests, []);
      });
  });

test('gcs: a session for an upload that lies elsewhere gets no data: its path is asked for here', async () => {
  const elsewhere = await serve(() => ({}));
  const service = await serve(() => ({ headers: { location: `${elsewhere.url}/session` } }));
  const store = await stores.gcs(service.url);
  closers.push(() => store.close());
  const put = store.put('k', streamed(), { ifAbsent: true, objectClass: 'wal', signal });
  await assert.rejects(put, error => error instanceof StoreError);
  assert.ok(service.requests.some(({ method, path }) => method === 'PUT' && path === '/session'));
  assert.deepEqual(elsewhere.requests, []);
});
