/** Sources of credentials that do not answer, or refuse: an outage passes, a refusal does not. */
import assert from 'node:assert/strict';
import { afterAll, afterEach, beforeAll, it, vi } from 'vitest';
import { createS3Store } from '../../../../src/stores/s3/store.ts';
import { whyNoCredentials } from '../../../../src/stores/s3/credential-source.ts';
import { StoreError } from '../../../../src/stores/store.ts';
import { signal } from '../../../contract/contract-driver.ts';
import { startS3Server, type S3Server } from '../../../support/servers/s3/server.ts';
import { startTokenServer } from '../../../support/servers/token-server.ts';

let server: S3Server;
beforeAll(async () => {
  server = await startS3Server();
});
afterAll(() => server.close());
afterEach(() => vi.unstubAllEnvs());

const nowhere = 'http://127.0.0.1:9';

async function failureWith(env: Record<string, string>): Promise<StoreError> {
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE'])
    vi.stubEnv(name, undefined);
  vi.stubEnv('HOME', '/nonexistent');
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const { url, bucket, region, endpoint } = server;
  const store = await createS3Store({
    url,
    bucket,
    prefix: 'p',
    region,
    endpoint,
    pathStyle: true,
    timeoutMs: 20_000,
  });
  try {
    await store.head('a', { signal });
  } catch (error) {
    assert(error instanceof StoreError, String(error));
    return error;
  } finally {
    await store.close();
  }
  return assert.fail('nothing was thrown');
}

it('a pod identity or metadata service that is away is unreachable, in its own words', async () => {
  const pod = await failureWith({ AWS_CONTAINER_CREDENTIALS_FULL_URI: `${nowhere}/v1/credentials` });
  assert.equal(pod.kind, 'unreachable', pod.message);
  assert.match(pod.message, /no credentials \(the credentials endpoint of the container does not answer\)/);
  const instance = await failureWith({
    AWS_CONTAINER_CREDENTIALS_FULL_URI: '',
    AWS_EC2_METADATA_SERVICE_ENDPOINT: nowhere,
  });
  assert.equal(instance.kind, 'unreachable', instance.message);
  assert.match(instance.message, /the metadata service of the instance does not answer/);
});

it('an overloaded source passes, a refusal does not', async () => {
  let status = 503;
  const source = await startTokenServer(() => ({ status }));
  try {
    const env = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${source.url}/credentials` };
    const overloaded = await whyNoCredentials(new Error('the words of another source'), env);
    assert.deepEqual(overloaded, {
      isTemporary: true,
      problem: 'the credentials endpoint of the container answered 503',
    });
    status = 401;
    assert.equal((await whyNoCredentials(new Error('x'), env)).isTemporary, false);
    const metadata = { AWS_EC2_METADATA_SERVICE_ENDPOINT: source.url };
    status = 404;
    assert.deepEqual(await whyNoCredentials(new Error('x'), metadata), {
      isTemporary: false,
      problem: 'the metadata service of the instance answered 404',
    });
    const expired = Object.assign(new Error('too old'), {
      name: 'ExpiredTokenException',
      $metadata: { httpStatusCode: 400 },
    });
    assert.deepEqual(await whyNoCredentials(expired, {}), {
      isTemporary: false,
      problem: 'the token service answered 400 ExpiredTokenException: too old',
    });
    const busy = Object.assign(new Error('busy'), {
      name: 'IDPCommunicationError',
      $metadata: { httpStatusCode: 400 },
    });
    assert.equal((await whyNoCredentials(busy, {})).isTemporary, true);
  } finally {
    await source.close();
  }
});
