/**
 * Google's own library as the reference for the Cloud Storage driver: each reads what the other writes, and each sees
 * that the other was first. Both talk to the imitation, which so proves to speak the library's protocol as well.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Storage, type Bucket } from '@google-cloud/storage';
import { afterAll, beforeAll, beforeEach, describe, it, vi } from 'vitest';
import { collect } from '../../src/base/bytes/streams.ts';
import { createGcsStore } from '../../src/stores/gcs/store.ts';
import { gcsOptionsOf } from '../../src/stores/gcs/url.ts';
import type { Store } from '../../src/stores/store.ts';
import { startGcsServer, type GcsServer } from '../support/servers/gcs/server.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { entries, inPieces, put, randomBody, read, rejectsAs, signal } from './contract-driver.ts';

const partSizeBytes = 1024 * 1024;
/** The smallest that the service takes. */
const chunkBytes = 256 * 1024;
const metadata = { sha256: 'a'.repeat(64), 'write-id': '0b5f', odd: `a b;,=:"'\\<>&%20/+~|{}[]` };
const createOnly = { ifGenerationMatch: 0 };

describe('gcs: the official library', () => {
  let server: GcsServer;
  let store: Store;
  let bucket: Bucket;

  beforeAll(async () => {
    server = await startGcsServer();
    const credentialsFile = join(temporaryDirectory('gcs-reference', { keepOwner: true }), 'account.json');
    writeFileSync(credentialsFile, JSON.stringify(server.serviceAccount));
    const settings = { url: server.url, credentialsFile };
    store = await createGcsStore({ ...gcsOptionsOf(new URL(server.url), settings), partSizeBytes });

    const storage = new Storage({ apiEndpoint: server.endpoint, projectId: 'imitation' });
    // At an endpoint of one's own its resumable uploads carry no token, whatever it is told.
    const authorization = `Bearer ${server.issueToken()}`;
    storage.interceptors.push({
      request: options => ({ ...options, headers: { ...options.headers, authorization } }) as never,
    });
    bucket = storage.bucket(server.bucket);
  });
  beforeEach(() => {
    server.contents.objects.clear();
    server.contents.uploads.clear();
    server.contents.keepsOfChunk = undefined;
  });
  afterAll(async () => {
    await store.close();
    await server.close();
  });

  const fileOf = (key: string) => bucket.file(`repository/${key}`);
  const countOf = (method: string) =>
    server.requests.filter(
      request => request.method === method && request.query.get('uploadType') === 'resumable',
    ).length;

  it.each([
    { what: 'nothing', sizeBytes: 0 },
    { what: 'one request', sizeBytes: 300_000 },
    { what: 'a resumable upload in chunks', sizeBytes: 3 * partSizeBytes + 12_345 },
  ])('reads what the driver writes: $what', async ({ sizeBytes }) => {
    const body = randomBody(sizeBytes);
    const before = countOf('PUT');
    await put(store, 'a/b', inPieces(body), { metadata });
    assert.equal(countOf('PUT') - before, sizeBytes > partSizeBytes ? 4 : 0);

    // The library compares the bytes with the service's CRC-32C by itself.
    const [content] = await fileOf('a/b').download({ validation: 'crc32c' });
    assert(body.equals(content));
    const [resource] = await fileOf('a/b').getMetadata();
    assert.equal(Number(resource.size), sizeBytes);
    assert.deepEqual(resource.metadata, metadata);
    const [files] = await bucket.getFiles({ prefix: 'repository/a/' });
    assert.deepEqual(
      files.map(file => [file.name, Number(file.metadata.size)]),
      [['repository/a/b', sizeBytes]],
    );
    if (sizeBytes === 0) return;
    const [range] = await fileOf('a/b').download({ start: 1000, end: 1999 });
    assert(body.subarray(1000, 2000).equals(range));
  });

  it.each([
    { what: 'nothing', sizeBytes: 0, options: { resumable: false } },
    { what: 'one request', sizeBytes: 300_000, options: { resumable: false } },
    {
      what: 'a resumable upload in chunks',
      sizeBytes: 5 * chunkBytes + 12_345,
      options: { resumable: true, chunkSize: chunkBytes },
    },
  ])('writes what the driver reads: $what', async ({ sizeBytes, options }) => {
    const body = randomBody(sizeBytes);
    const before = countOf('PUT');
    await fileOf('a/b').save(body, { ...options, validation: 'crc32c', metadata: { metadata } });
    assert.equal(countOf('PUT') - before, options.resumable ? 6 : 0);

    const object = await store.get('a/b', { signal });
    assert(body.equals(await collect(object.body, sizeBytes)));
    assert.equal(object.stat.sizeBytes, sizeBytes);
    assert.deepEqual({ ...object.stat.metadata }, metadata);
    assert.deepEqual(await store.head('a/b', { signal }), object.stat);
    const [entry, ...others] = await entries(store, { prefix: 'a/' });
    assert.deepEqual(others, []);
    assert(entry !== undefined && 'key' in entry);
    assert.deepEqual([entry.key, entry.sizeBytes], ['a/b', sizeBytes]);
    if (sizeBytes === 0) return;
    assert(body.subarray(1000, 2000).equals(await read(store, 'a/b', { start: 1000, end: 2000 })));
  });

  it('goes on where a service that keeps only a part of a chunk says, as the driver does', async () => {
    server.contents.keepsOfChunk = chunkBytes;
    const body = randomBody(4 * chunkBytes + 1);
    await fileOf('library').save(body, { resumable: true, chunkSize: 2 * chunkBytes });
    assert(body.equals(await read(store, 'library')));
    await put(store, 'driver', inPieces(body));
    const [content] = await fileOf('driver').download();
    assert(body.equals(content));
  });

  it('and the driver name objects alike', async () => {
    const key = 'wal/odd +%25&=;@ (1)/~x';
    await put(store, key, 'driver');
    assert.equal((await fileOf(key).download())[0].toString(), 'driver');
    await fileOf(key).save('library', { resumable: false });
    assert.equal((await read(store, key)).toString(), 'library');
    assert.deepEqual([...server.contents.objects.keys()], [`repository/${key}`]);
  });

  it('and the driver each see that the other has created an object', async () => {
    const long = randomBody(2 * partSizeBytes);
    await fileOf('library').save('first', { resumable: false, preconditionOpts: createOnly });
    await rejectsAs('exists', put(store, 'library', 'second'));
    await rejectsAs('exists', put(store, 'library', inPieces(long)));
    assert.equal((await read(store, 'library')).toString(), 'first');

    await put(store, 'driver', inPieces(long));
    for (const options of [{ resumable: false }, { resumable: true, chunkSize: chunkBytes }])
      await assert.rejects(fileOf('driver').save('second', { ...options, preconditionOpts: createOnly }), {
        code: 412,
      });
    const [content] = await fileOf('driver').download();
    assert(long.equals(content));
  });

  it('and the driver each see that the other came first to the end of a long upload', async () => {
    const long = randomBody(2 * partSizeBytes);
    async function* interrupted(work: () => Promise<unknown>) {
      yield long.subarray(0, partSizeBytes + 1);
      const isUnderWay = () =>
        [...server.contents.uploads.values()].some(
          ({ receivedBytes, result }) => receivedBytes > 0 && result === undefined,
        );
      await vi.waitUntil(isUnderWay, { timeout: 10_000 });
      await work();
      yield long.subarray(partSizeBytes + 1);
    }
    const body = interrupted(() => fileOf('library').save('first', { resumable: false }));
    await rejectsAs('exists', put(store, 'library', body));
    assert.equal((await fileOf('library').download())[0].toString(), 'first');

    const options = { resumable: true, chunkSize: chunkBytes, preconditionOpts: createOnly };
    const other = interrupted(() => put(store, 'driver', 'first'));
    await assert.rejects(fileOf('driver').save(other, options), { code: 412 });
    assert.equal((await read(store, 'driver')).toString(), 'first');
  });

  it('and the driver each see that the other has deleted an object', async () => {
    await put(store, 'a', 'x');
    await fileOf('a').delete();
    assert.equal(await store.head('a', { signal }), undefined);
    await fileOf('b').save('x', { resumable: false });
    assert.deepEqual(await store.delete(['b'], { signal }), []);
    assert.deepEqual(await fileOf('b').exists(), [false]);
  });
});
