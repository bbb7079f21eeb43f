/** Listings of services whose continuation tokens are wrong: they end, with what is there or with an error. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, it } from 'vitest';
import { Secret } from '../../../src/base/secret.ts';
import { createAzureStore } from '../../../src/stores/azure/store.ts';
import { PageTokens } from '../../../src/stores/driver-kit/page-tokens.ts';
import { createGcsStore } from '../../../src/stores/gcs/store.ts';
import { connectS3 } from '../../../src/stores/s3/connection.ts';
import { createS3Store } from '../../../src/stores/s3/store.ts';
import { versionsOf } from '../../../src/stores/s3/versions.ts';
import type { Store } from '../../../src/stores/store.ts';
import { names, rejectsAs } from '../../contract/contract-driver.ts';

const timeoutMs = 5000;
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A service that answers each request with the next page, and with the last page for ever. */
async function serve(pages: readonly string[], type: string): Promise<string> {
  let count = 0;
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': type });
    response.end(pages[Math.min(count++, pages.length - 1)]);
  });
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise(resolve => server.close(resolve)));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function opened(store: Store): Store {
  closers.unshift(() => store.close());
  return store;
}

const s3Options = {
  url: 's3://b',
  bucket: 'b',
  prefix: '',
  region: 'r',
  pathStyle: true,
  credentials: { accessKeyId: new Secret('a'), secretAccessKey: new Secret('s') },
  partSizeBytes: 5 * 1024 ** 2,
  timeoutMs,
};

async function s3(...answers: readonly (readonly [key: string, rest: string])[]): Promise<Store> {
  const pages = answers.map(
    ([key, rest]) =>
      `<ListBucketResult><Contents><Key>${key}</Key><Size>1</Size><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>${rest}</ListBucketResult>`,
  );
  return opened(await createS3Store({ ...s3Options, endpoint: await serve(pages, 'application/xml') }));
}

async function gcs(...pages: readonly object[]): Promise<Store> {
  const endpoint = await serve(
    pages.map(page => JSON.stringify(page)),
    'application/json',
  );
  return opened(
    await createGcsStore({
      url: 'gs://b',
      bucket: 'b',
      prefix: '',
      endpoint,
      isAnonymous: true,
      partSizeBytes: 1024 ** 2,
      timeoutMs,
    }),
  );
}

async function azure(...answers: readonly (readonly [key: string, marker: string])[]): Promise<Store> {
  const pages = answers.map(
    ([key, marker]) =>
      `<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs><Blob><Name>${key}</Name><Properties><Last-Modified>Thu, 01 Jan 2026 00:00:00 GMT</Last-Modified><Content-Length>1</Content-Length></Properties></Blob></Blobs><NextMarker>${marker}</NextMarker></EnumerationResults>`,
  );
  return opened(
    await createAzureStore({
      url: 'azure://a/c',
      account: 'a',
      container: 'c',
      prefix: '',
      endpoint: await serve(pages, 'application/xml'),
      credentials: { kind: 'account-key', accountKey: new Secret(Buffer.from('k').toString('base64')) },
      partSizeBytes: 1024 ** 2,
      timeoutMs,
    }),
  );
}

const more = '<IsTruncated>true</IsTruncated>';
const done = '<IsTruncated>false</IsTruncated>';
const token = (value: string) => `<NextContinuationToken>${value}</NextContinuationToken>`;
const all = { prefix: '' };

it('a listing passes over keys that nobody here writes, such as the mark of a directory', async () => {
  const items = ['a', 'a/', 'b//c', 'd'].map(name => ({ name, size: '0', updated: '2026-01-01T00:00:00Z' }));
  assert.deepEqual(await names(await gcs({ items }), all), ['a', 'd']);
  assert.deepEqual(await names(await s3(['a/', more + token('t')], ['b', done]), all), ['b']);
  assert.deepEqual(await names(await azure(['a/', 'm'], ['b', '']), all), ['b']);
});

describe('listings end', () => {
  it('s3: at a last page with a token, empty or not', async () => {
    assert.deepEqual(await names(await s3(['a', `${done}${token('')}`]), all), ['a']);
    assert.deepEqual(await names(await s3(['a', `${done}${token('t')}`]), all), ['a']);
    assert.deepEqual(await names(await s3(['a', token('t')]), all), ['a']);
    assert.deepEqual(await names(await s3(['a', more + token('t')], ['b', done]), all), ['a', 'b']);
  });

  it('s3: with an error at a cut page whose token is missing, empty, or comes again', async () => {
    await rejectsAs('damaged', names(await s3(['a', more]), all));
    await rejectsAs('damaged', names(await s3(['a', `${more}${token('')}`]), all));
    await rejectsAs('damaged', names(await s3(['a', more + token('t')]), all));
  });

  it('s3: with an error where the end of a page of unfinished uploads comes again', async () => {
    const ends = '<NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker>';
    const store = await s3(['a', more + ends]);
    const listing = store.listUnfinished?.({ prefix: '', signal: AbortSignal.timeout(timeoutMs) });
    await rejectsAs('damaged', Array.fromAsync(listing ?? []));
  });

  it('s3: versions, with an error where the end of a page is missing or comes again', async () => {
    const keysOf = async (...ends: readonly string[]) => {
      const pages = ends.map(
        end =>
          `<ListVersionsResult><Version><Key>b</Key><VersionId>1</VersionId></Version>${end}</ListVersionsResult>`,
      );
      const endpoint = await serve(pages, 'application/xml');
      const connection = await connectS3({ ...s3Options, endpoint });
      closers.unshift(() => Promise.resolve(connection.client.destroy()));
      const found = await Array.fromAsync(versionsOf(connection, ['b', 'c'], AbortSignal.timeout(timeoutMs)));
      return found.map(({ key }) => key);
    };
    const end = (key: string) => `${more}<NextKeyMarker>${key}</NextKeyMarker>`;
    assert.deepEqual(await keysOf(end('b'), done), ['b', 'b']);
    assert.deepEqual(await keysOf(end('d')), ['b'], 'behind the last key that is asked for');
    await rejectsAs('damaged', keysOf(more));
    await rejectsAs('damaged', keysOf(end('')));
    await rejectsAs('damaged', keysOf(end('b')));
  });

  it('gcs: at an empty token, and with an error at one that comes again', async () => {
    const items = [{ name: 'a', size: '1', updated: '2026-01-01T00:00:00Z' }];
    assert.deepEqual(await names(await gcs({ items, nextPageToken: '' }), all), ['a']);
    await rejectsAs('damaged', names(await gcs({ items, nextPageToken: 't' }), all));
  });

  it('azure: at an empty marker, and with an error at one that comes again', async () => {
    assert.deepEqual(await names(await azure(['a', 'm'], ['b', '']), all), ['a', 'b']);
    await rejectsAs('damaged', names(await azure(['a', 'm']), all));
  });
});

it('a cycle of tokens is noticed at any length, and no listing without one is', () => {
  for (const length of [1, 2, 3, 7, 20]) {
    const tokens = new PageTokens('list');
    assert.throws(() => {
      for (let page = 0; page < 200; page++) tokens.follow(page < 5 ? `start ${page}` : `${page % length}`);
    }, /same page again/);
  }
  const tokens = new PageTokens('list');
  for (let page = 0; page < 10_000; page++) tokens.follow(String(page));
});
