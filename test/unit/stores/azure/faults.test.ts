/** What the Azure driver makes of a service and a network that misbehave. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { Secret } from '../../../../src/base/secret.ts';
import { createAzureStore, type AzureStoreOptions } from '../../../../src/stores/azure/store.ts';
import { tierOf } from '../../../../src/stores/azure/tier.ts';
import { StoreError, type Store } from '../../../../src/stores/store.ts';
import { inPieces, put, randomBody, read, rejectsAs, signal } from '../../../contract/contract-driver.ts';
import { startAzurite, type Azurite } from '../../../support/servers/azurite.ts';

const mebibyte = 1024 * 1024;
let azurite: Azurite;

beforeAll(async () => {
  azurite = await startAzurite();
});

afterAll(() => azurite.close());

function connect(options: Partial<AzureStoreOptions> = {}): Promise<Store> {
  return createAzureStore({
    url: azurite.url,
    account: azurite.account,
    container: azurite.container,
    prefix: 'p',
    endpoint: azurite.endpoint,
    credentials: { kind: 'account-key', accountKey: new Secret(azurite.accountKey) },
    partSizeBytes: mebibyte,
    timeoutMs: 5000,
    ...options,
  });
}

async function errorOf(work: Promise<unknown>): Promise<StoreError> {
  try {
    await work;
  } catch (error) {
    assert(error instanceof StoreError, String(error));
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('azure: answers', () => {
  let server: Server;
  let answer: { status: number; code: string; retryAfter?: string };
  let store: Store;
  beforeAll(async () => {
    server = createServer((request, response) => {
      request.resume();
      request.once('end', () => {
        const { status, code, retryAfter } = answer;
        response.writeHead(status, {
          'x-ms-error-code': code,
          'content-type': 'application/xml',
          ...(retryAfter !== undefined && { 'retry-after': retryAfter }),
        });
        response.end(
          `<?xml version="1.0"?><Error><Code>${code}</Code><Message>In words.\nRequestId:1\nTime:now</Message></Error>`,
        );
      });
    });
    await new Promise<void>(resolve => {
      server.listen(0, '127.0.0.1', resolve);
    });
    store = await connect({
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/account`,
    });
  });
  afterAll(async () => {
    await store.close();
    server.close();
  });

  for (const [status, code, kind] of [
    [404, 'BlobNotFound', 'absent'],
    [404, 'ContainerNotFound', 'no-container'],
    [409, 'ContainerBeingDeleted', 'no-container'],
    [403, 'AuthenticationFailed', 'denied'],
    [403, 'AuthorizationFailure', 'denied'],
    [403, 'AuthorizationPermissionMismatch', 'denied'],
    [401, 'NoAuthenticationInformation', 'denied'],
    [503, 'ServerBusy', 'throttled'],
    [500, 'OperationTimedOut', 'unreachable'],
    [500, 'InternalError', 'unreachable'],
    [409, 'BlobArchived', 'cold'],
    [400, 'InvalidHeaderValue', 'invalid'],
  ] as const)
    it(`${status} ${code} is ${kind}, and the code is in the message`, async () => {
      answer = { status, code };
      const error = await errorOf(store.get('a', { signal }));
      assert.equal(error.kind, kind);
      assert.match(error.message, new RegExp(`^get a: .*${code}`));
      assert.doesNotMatch(error.message, /RequestId/);
    });

  for (const [status, code, kind] of [
    [409, 'BlobAlreadyExists', 'exists'],
    [412, 'ConditionNotMet', 'exists'],
    [403, 'UnauthorizedBlobOverwrite', 'exists'],
    [412, 'LeaseIdMissing', 'exists'],
    [400, 'Md5Mismatch', 'damaged'],
  ] as const)
    it(`of a put, ${status} ${code} is ${kind}`, async () => {
      answer = { status, code };
      assert.equal((await errorOf(put(store, 'a', 'x'))).kind, kind);
    });

  it('Retry-After is handed on, and the SDK does not repeat by itself', async () => {
    answer = { status: 503, code: 'ServerBusy', retryAfter: '7' };
    let requests = 0;
    server.on('request', () => requests++);
    assert.equal((await errorOf(put(store, 'a', 'x'))).retryAfterMs, 7000);
    assert.equal(requests, 1);
  });
});

describe('azure: tiers and metadata', () => {
  it('WAL and backups go to their tiers, the catalogue stays', async () => {
    const tiered = await connect({ storageClasses: { wal: 'Cool', backup: 'Cold' } });
    await put(tiered, 'c/wal', 'x', { objectClass: 'wal' });
    await put(tiered, 'c/backup', inPieces(randomBody(2 * mebibyte)), { objectClass: 'backup' });
    await put(tiered, 'c/catalog', 'x', { objectClass: 'catalog' });
    const tierOf = async (key: string) =>
      (await azurite.client.getBlobClient(`p/c/${key}`).getProperties()).accessTier;
    assert.equal(await tierOf('wal'), 'Cool');
    assert.equal(await tierOf('backup'), 'Cold');
    assert.equal(await tierOf('catalog'), 'Hot');
    await tiered.close();
  });

  it('an archived object is cold, not absent', async () => {
    const store = await connect();
    await put(store, 'frozen', 'x');
    await azurite.client.getBlobClient('p/frozen').setAccessTier('Archive');
    const error = await errorOf(store.get('frozen', { signal }));
    assert.equal(error.kind, 'cold');
    assert.match(error.message, /in the archive tier Archive \(409 BlobArchived\)/);
    assert.match(error.hint ?? '', /walvault store thaw frozen/);
    const { tier, cold } = (await store.head('frozen', { signal })) ?? {};
    assert.deepEqual({ tier, cold }, { tier: 'Archive', cold: 'frozen' });
    for await (const entry of store.list({ prefix: 'frozen', signal }))
      assert('key' in entry && entry.cold === 'frozen');
    const options = { days: 1, speed: 'standard', signal } as const;
    assert.equal(await store.thaw?.('frozen', options), 'requested');
    // The imitation thaws at once, the service takes hours.
    assert.equal(await store.thaw?.('frozen', options), 'readable');
    assert.equal((await read(store, 'frozen')).toString(), 'x');
    await rejectsAs('absent', store.thaw?.('never', options) as Promise<unknown>);
    await store.close();
  });

  it('a blob on its way out of the archive tier', () => {
    const tier = 'Archive';
    const archiveStatus = 'rehydrate-pending-to-hot';
    assert.deepEqual(tierOf({ accessTier: tier, archiveStatus }), { tier, cold: 'thawing' });
    assert.deepEqual(tierOf({ accessTier: 'Cool' }), { tier: 'Cool' });
  });

  it('names that are no identifiers come back as they were', async () => {
    const store = await connect();
    const metadata = { '1st': 'a', '-1': 'b', 'a-b--c': 'c', 'write-id': 'd', '-': 'e' };
    await put(store, 'names', 'x', { metadata });
    assert.deepEqual({ ...(await store.head('names', { signal }))?.metadata }, metadata);
    await store.close();
  });

  it('a blob that something else has written can be read', async () => {
    await azurite.client.getBlockBlobClient('p/foreign').upload('foreign', 7);
    const store = await connect();
    assert.equal((await read(store, 'foreign')).toString(), 'foreign');
    await store.close();
  });
});
