/** Answers of services whose words and values are not what a service of the kind says. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RestError } from '@azure/core-rest-pipeline';
import { describe, test } from 'vitest';
import { azureError } from '../../../src/stores/azure/error.ts';
import { createMemoryStore } from '../../../src/stores/memory/store.ts';
import { GcsAnswerError, gcsError } from '../../../src/stores/gcs/error.ts';
import { createGcsStore } from '../../../src/stores/gcs/store.ts';
import { createCheckedStore } from '../../../src/stores/driver-kit/checked-store.ts';
import { s3Error } from '../../../src/stores/s3/error.ts';
import { StoreError } from '../../../src/stores/store.ts';
import { withMethods } from '../../../src/stores/methods.ts';
import { names, put, rejectsAs, signal } from '../../contract/contract-driver.ts';

const context = { action: 'get a', signal };

/** Names that every object of JavaScript has. */
describe.each(['constructor', '__proto__', 'toString'])('an error code %s is none that is known', code => {
  const errors: Readonly<Record<string, () => Error>> = {
    s3: () =>
      s3Error(Object.assign(new Error('no'), { name: code, $metadata: { httpStatusCode: 400 } }), {
        ...context,
        bucket: 'b',
      }),
    gcs: () =>
      gcsError(new GcsAnswerError(400, JSON.stringify({ error: { errors: [{ reason: code }] } })), {
        ...context,
        bucket: 'b',
      }),
    azure: () => azureError(new RestError('no', { code, statusCode: 400 }), { ...context, container: 'c' }),
  };
  test.each(Object.entries(errors))('%s', (_name, make) => {
    const error = make();
    assert.ok(error instanceof StoreError);
    assert.equal(error.kind, 'invalid');
    assert.equal(error.exitCode, 1);
  });
});

describe('words of an error that come twice, which an SDK makes an array of, are none', () => {
  const twice = { code: ['a', 'b'], name: ['a', 'b'], message: ['', 'no'] };
  test('s3', () => {
    const answer = Object.assign(new Error('no'), twice, { $metadata: { httpStatusCode: 404 } });
    const error = s3Error(answer, { ...context, bucket: 'b' });
    assert.ok(error instanceof StoreError && error.kind === 'absent', String(error));
  });
  test('azure', () => {
    const answer = Object.assign(new RestError('no', { statusCode: 404 }), twice);
    const error = azureError(answer, { ...context, container: 'c' });
    assert.ok(error instanceof StoreError && error.kind === 'absent', String(error));
  });
});

describe('gcs: a page of a listing that is none is no listing', () => {
  const pages = [
    'null',
    '7',
    '[]',
    '{"items":7}',
    '{"items":[null]}',
    '{"items":[{"name":7}]}',
    '{"prefixes":[{}]}',
    '{"nextPageToken":{}}',
  ];
  test.each(pages)('%s', async page => {
    const server = createServer((_request, response) => response.end(page));
    await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const options = {
      url: 'gs://b',
      bucket: 'b',
      prefix: '',
      endpoint,
      isAnonymous: true,
      partSizeBytes: 1024 ** 2,
      timeoutMs: 5000,
    };
    const store = await createGcsStore(options);
    try {
      const listing = names(store, { prefix: '' });
      if (['null', '7', '[]'].includes(page)) assert.deepEqual(await listing, []);
      else await rejectsAs('unreachable', listing);
    } finally {
      await store.close();
      server.closeAllConnections();
      server.close();
    }
  });
});

describe.each([Number.NaN, -1, 0.5, 2 ** 60, '7'])('a size of %s is none', size => {
  const sizeBytes = size as number;
  test('of an object that is read, and in a listing', async () => {
    const inner = createMemoryStore();
    await put(inner, 'a', 'x');
    const store = createCheckedStore(
      withMethods(inner, {
        async get(key, options) {
          const found = await inner.get(key, options);
          return { ...found, stat: { ...found.stat, sizeBytes } };
        },
        async *list(options) {
          for await (const entry of inner.list(options))
            yield 'key' in entry ? { ...entry, sizeBytes } : entry;
        },
      }),
    );
    await rejectsAs('damaged', store.get('a', { signal }));
    await rejectsAs('damaged', names(store, { prefix: '' }));
  });
});
