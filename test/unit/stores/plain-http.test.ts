/** No token and no data go over the network in the open, unless somebody has said so. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { Secret } from '../../../src/base/secret.ts';
import { openStore } from '../../../src/stores/open.ts';

const signal = new AbortController().signal;
const withEndpoint = (url: string, endpoint: string) => `${url}?endpoint=${encodeURIComponent(endpoint)}`;
const azure = { accountKey: new Secret(Buffer.from('key').toString('base64')) };
const keys = { accessKeyId: new Secret('id'), secretAccessKey: new Secret('secret') };

describe('an endpoint in the open', () => {
  for (const [url, settings] of [
    ['s3://b/p', keys],
    ['gs://b/p', {}],
    ['azure://a/c', azure],
  ] as const)
    for (const host of ['db.example', '10.0.0.1:9000', '127.0.0.1.example', '[fd00::1]', 'localhost.example'])
      test(`of ${url} on ${host} is refused`, async () => {
        const open = (more: { verifyTls?: boolean }) =>
          openStore({ url: withEndpoint(url, `http://${host}`), ...settings, ...more });
        await assert.rejects(open({}), {
          code: 'config',
          message: `the endpoint http://${host} is not encrypted`,
          hint: /verify-tls = "off"/,
        });
        await (await open({ verifyTls: false })).close();
      });

  test('on this host is not', async () => {
    for (const host of ['127.0.0.1:9000', '127.1', 'localhost:1', '[::1]:9000', 's3.localhost'])
      await (await openStore({ url: withEndpoint('s3://b/p', `http://${host}`), ...keys })).close();
  });

  test("of a connection string of Azure's, or in the environment of the S3 SDK, is refused as well", async () => {
    const text =
      'DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;BlobEndpoint=http://blob.example/a';
    await assert.rejects(openStore({ url: 'azure://a/c', connectionString: new Secret(text) }), {
      message: /blob\.example is not encrypted/,
    });
    process.env['AWS_ENDPOINT_URL_S3'] = 'http://db.example';
    try {
      const store = await openStore({ url: 's3://b/p?region=r&path-style=true', ...keys });
      await assert.rejects(store.head('x', { signal }), {
        code: 'config',
        message: /db\.example is not encrypted/,
      });
      await store.close();
    } finally {
      delete process.env['AWS_ENDPOINT_URL_S3'];
    }
  });
});
