/** What the Cloud Storage driver makes of a service and a network that misbehave. */
import assert from 'node:assert/strict';
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import { GcsAnswerError, gcsError } from '../../../../src/stores/gcs/error.ts';
import { createGcsStore, type GcsStoreOptions } from '../../../../src/stores/gcs/store.ts';
import { StoreError, type Store } from '../../../../src/stores/store.ts';
import {
  inPieces,
  put,
  randomBody,
  read,
  rejectsAs,
  sha256Of,
  signal,
} from '../../../contract/contract-driver.ts';
import { startGcsServer, type GcsServer } from '../../../support/servers/gcs/server.ts';

const mebibyte = 1024 * 1024;
let server: GcsServer;
let store: Store;

beforeAll(async () => {
  server = await startGcsServer({ tokens: 'ignored' });
  store = await connect();
});

afterAll(async () => {
  await store.close();
  await server.close();
});

afterEach(() => {
  server.faults.clear();
  server.contents.keepsOfChunk = undefined;
  const open = [...server.contents.uploads.values()].filter(upload => upload.result === undefined);
  assert.equal(open.length, 0, 'an upload was left open');
});

function connect(options: Partial<GcsStoreOptions> = {}): Promise<Store> {
  return createGcsStore({
    url: server.url,
    bucket: server.bucket,
    prefix: 'p',
    endpoint: server.endpoint,
    isAnonymous: true,
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

describe('gcs: answers', () => {
  const answers = [
    [503, 'ServiceUnavailable', 'throttled'],
    [429, 'rateLimitExceeded', 'throttled'],
    [403, 'userRateLimitExceeded', 'throttled'],
    [500, 'InternalError', 'unreachable'],
    [502, 'backendError', 'unreachable'],
    [408, 'RequestTimeout', 'unreachable'],
    [403, 'AccessDenied', 'denied'],
    [401, 'AuthenticationRequired', 'denied'],
    [404, 'NoSuchKey', 'absent'],
    [404, 'NoSuchBucket', 'no-container'],
    [400, 'InvalidArgument', 'invalid'],
    [501, 'NotImplemented', 'invalid'],
  ] as const;
  for (const [status, code, kind] of answers)
    it(`${status} ${code} is ${kind}, and the code is in the message`, async () => {
      server.faults.inject({ method: 'GET', effect: { kind: 'answer', status, code } });
      const error = await errorOf(store.get('a', { signal }));
      assert.equal(error.kind, kind);
      assert.match(error.message, new RegExp(code));
      assert.match(error.message, /^get a: /);
    });

  it('of an upload 404 means the bucket, and a refusal carries its reason', async () => {
    server.faults.inject({ method: 'POST', effect: { kind: 'answer', status: 404, code: 'NoSuchBucket' } });
    assert.equal((await errorOf(put(store, 'a', 'x'))).kind, 'no-container');
    server.faults.inject({ method: 'POST', effect: { kind: 'answer', status: 403, code: 'forbidden' } });
    const error = await errorOf(put(store, 'a', 'x'));
    assert.equal(error.kind, 'denied');
    assert.match(error.message, /403 forbidden: forbidden \(from the imitation\)/);
  });

  it('a conflict with another request is repeated, a retention says until when', async () => {
    server.faults.inject({ method: 'POST', effect: { kind: 'answer', status: 409, code: 'conflict' } });
    assert((await errorOf(put(store, 'conflicting', 'x'))).retry);
    const message =
      "Object 'b/o' is subject to bucket's retention policy and cannot be deleted until 2100-01-01T00:00:00.5Z";
    const answer = new GcsAnswerError(
      403,
      `<Error><Code>AccessDenied</Code><Details>${message}</Details></Error>`,
    );
    const error = gcsError(answer, { action: 'delete o', bucket: 'b', signal });
    assert(error instanceof StoreError);
    assert.equal(error.lockedUntil?.toISOString(), '2100-01-01T00:00:00.500Z');
  });

  it('Retry-After is handed on', async () => {
    const headers = { 'retry-after': '7' };
    server.faults.inject({ effect: { kind: 'answer', status: 503, code: 'backendError', headers } });
    assert.equal((await errorOf(put(store, 'retry-after', 'x'))).retryAfterMs, 7000);
  });

  it('one key that cannot be deleted does not stop the others', async () => {
    for (const key of ['d/1', 'd/2', 'd/3']) await put(store, key, 'x');
    server.faults.inject({ method: 'DELETE', key: /d\/2$/, effect: { kind: 'answer', status: 403, code: 'retentionPolicyNotMet' } }); // prettier-ignore
    const failures = await store.delete(['d/1', 'd/2', 'd/3'], { signal });
    assert.deepEqual(
      failures.map(({ key, error }) => [key, error.kind]),
      [['d/2', 'denied']],
    );
    assert.deepEqual([...server.contents.objects.keys()], ['p/d/2']);
    await store.delete(['d/2'], { signal });
  });
});

describe('gcs: lost and broken answers', () => {
  it('a cut answer is never taken for the whole', async () => {
    await put(store, 'cut', [randomBody(2 * mebibyte)], { sizeBytes: 2 * mebibyte });
    for (const afterBytes of [0, 1, mebibyte, 2 * mebibyte - 1]) {
      server.faults.inject({ method: 'GET', key: /cut$/, effect: { kind: 'truncate', afterBytes } });
      await rejectsAs('unreachable', read(store, 'cut'));
    }
    assert.equal((await read(store, 'cut')).length, 2 * mebibyte);
  });

  it('silence ends at the limit, and is unreachable', async () => {
    const hasty = await connect({ timeoutMs: 200 });
    await put(store, 'silent', 'x');
    server.faults.inject({ key: /silent/, times: 2, effect: { kind: 'stall' } });
    await rejectsAs('unreachable', hasty.get('silent', { signal }));
    await rejectsAs('unreachable', hasty.head('silent', { signal }));
    server.faults.inject({ method: 'POST', effect: { kind: 'stall' } });
    const error = await errorOf(put(hasty, 'silent2', 'x'));
    assert.match(error.message, /no answer in time/);
    await hasty.close();
  });

  it("the caller's own limit comes back as its own reason", async () => {
    server.faults.inject({ key: /own/, effect: { kind: 'stall' } });
    const controller = new AbortController();
    const reason = new Error('my limit');
    setTimeout(() => controller.abort(reason), 50);
    await assert.rejects(store.get('own', { signal: controller.signal }), reason);
  });
});

describe('gcs: long uploads', () => {
  const body = randomBody(5 * mebibyte + 12_345);
  const busy = { kind: 'answer', status: 503, code: 'backendError' } as const;

  it('goes on where the service stands after chunks, the beginning and the end failed', async () => {
    server.faults.inject({ method: 'POST', query: 'uploadType', effect: busy });
    server.faults.inject({ method: 'PUT', skip: 1, times: 2, effect: busy });
    server.faults.inject({ method: 'PUT', skip: 4, effect: { kind: 'reset-request', afterBytes: 100_000 } });
    server.faults.inject({ method: 'PUT', skip: 6, effect: { kind: 'lost-response' } });
    await put(store, 'long', inPieces(body), { sha256: sha256Of(body) });
    assert(body.equals(await read(store, 'long')));
  });

  it('sends again what the service did not keep of a chunk', async () => {
    server.contents.keepsOfChunk = 256 * 1024;
    await put(store, 'kept-partly', inPieces(body));
    assert(body.equals(await read(store, 'kept-partly')));
  });

  it('a lost answer to the last chunk is found to be a success', async () => {
    server.faults.inject({ method: 'PUT', skip: 5, effect: { kind: 'lost-response' } });
    await put(store, 'lost-end', inPieces(body));
    assert(body.equals(await read(store, 'lost-end')));
  });

  it('bytes that arrive changed are refused by the service, and nothing is there', async () => {
    const upload = put(
      store,
      'changed',
      (async function* () {
        yield body.subarray(0, 3 * mebibyte);
        // What has arrived so far is changed behind the back of both.
        for (const { received, result } of server.contents.uploads.values())
          if (result === undefined) received[0]?.writeUInt8(received[0].readUInt8() ^ 1);
        yield body.subarray(3 * mebibyte);
      })(),
    );
    await rejectsAs('damaged', upload);
    assert.equal(await store.head('changed', { signal }), undefined);
  });

  it('a chunk refused for good ends it, and leaves nothing', async () => {
    server.faults.inject({ method: 'PUT', skip: 1, effect: { kind: 'answer', status: 403, code: 'forbidden' } }); // prettier-ignore
    await rejectsAs('denied', put(store, 'refused', inPieces(body)));
    assert.equal(await store.head('refused', { signal }), undefined);
  });

  it('who was first is decided at the end as well', async () => {
    const late = put(
      store,
      'overtaken',
      (async function* () {
        yield body.subarray(0, 3 * mebibyte);
        await put(store, 'overtaken', 'first');
        yield body.subarray(3 * mebibyte);
      })(),
    );
    await rejectsAs('exists', late);
    assert.equal((await read(store, 'overtaken')).toString(), 'first');
  });

  it('never reads further ahead than two chunks', async () => {
    const chunk = Buffer.alloc(256 * 1024, 1);
    let furthestAheadBytes = 0;
    const counted = async function* () {
      for (let sentBytes = 0; sentBytes < 20 * mebibyte; sentBytes += chunk.length) {
        const arrivedBytes = [...server.contents.uploads.values()]
          .filter(upload => upload.result === undefined)
          .reduce((total, upload) => total + upload.receivedBytes, 0);
        furthestAheadBytes = Math.max(furthestAheadBytes, sentBytes - arrivedBytes);
        yield chunk;
      }
    };
    await put(store, 'huge', counted());
    assert(furthestAheadBytes <= 2 * mebibyte + chunk.length, `${furthestAheadBytes / mebibyte} MiB`);
  });
});

describe('gcs: classes and probes', () => {
  it('WAL and backups go to their classes, the catalogue stays', async () => {
    const classed = await connect({ storageClasses: { wal: 'NEARLINE', backup: 'COLDLINE' } });
    await put(classed, 'c/wal', 'x', { objectClass: 'wal' });
    await put(classed, 'c/backup', inPieces(randomBody(2 * mebibyte)), { objectClass: 'backup' });
    await put(classed, 'c/catalog', 'x', { objectClass: 'catalog' });
    const classOf = (key: string) => server.contents.find(`p/c/${key}`).storageClass;
    assert.deepEqual(['wal', 'backup', 'catalog'].map(classOf), ['NEARLINE', 'COLDLINE', 'STANDARD']);
    assert.equal(classed.thaw, undefined, 'every class is read at once');
    await classed.close();
  });

  it('says who pays', async () => {
    const payer = await connect({ project: 'billing' });
    await put(payer, 'paid', 'x');
    assert.equal(server.requests.at(-1)?.headers['x-goog-user-project'], 'billing');
    await payer.close();
  });

  it('sends a small object in one request', async () => {
    const before = server.requests.length;
    await put(store, 'one-request', [randomBody(500_000)]);
    assert.equal(server.requests.length, before + 1);
  });
});
