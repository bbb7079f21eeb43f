/** What the S3 driver makes of a service and a network that misbehave. */
import assert from 'node:assert/strict';
import { afterAll, afterEach, beforeAll, describe, it, vi } from 'vitest';
import { Secret } from '../../../../src/base/secret.ts';
import { createS3Store, type S3StoreOptions } from '../../../../src/stores/s3/store.ts';
import { StoreError, type Store } from '../../../../src/stores/store.ts';
import {
  inPieces,
  names,
  put,
  randomBody,
  read,
  rejectsAs,
  sha256Of,
  signal,
} from '../../../contract/contract-driver.ts';
import { startS3Server, type S3Server } from '../../../support/servers/s3/server.ts';

const mebibyte = 1024 * 1024;
let server: S3Server;
let store: Store;

beforeAll(async () => {
  server = await startS3Server();
  store = await connect();
});

afterAll(async () => {
  await store.close();
  await server.close();
});

afterEach(() => {
  server.faults.clear();
  assert.equal(server.contents.uploads.size, 0, 'an upload was left open');
});

function connect(options: Partial<S3StoreOptions> = {}): Promise<Store> {
  return createS3Store({
    url: server.url,
    bucket: server.bucket,
    prefix: 'p',
    region: server.region,
    endpoint: server.endpoint,
    pathStyle: true,
    credentials: {
      accessKeyId: new Secret(server.accessKeyId),
      secretAccessKey: new Secret(server.secretAccessKey),
    },
    partSizeBytes: 5 * mebibyte,
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

it('s3: the SDK says nothing by itself', async () => {
  const console = (['debug', 'info', 'log', 'warn', 'error'] as const).map(method =>
    vi.spyOn(globalThis.console, method).mockImplementation(() => undefined),
  );
  // Large enough to be sent as a stream, which the SDK cannot repeat.
  const body = [randomBody(2 * mebibyte)];
  await put(store, 'twice', body, { ifAbsent: true });
  await rejectsAs('exists', put(store, 'twice', body, { ifAbsent: true }));
  const said = console.flatMap(({ mock }) => mock.calls);
  assert.deepEqual(said, []);
});

describe('s3: answers', () => {
  const answers = [
    [503, 'SlowDown', 'throttled'],
    [429, 'TooManyRequests', 'throttled'],
    [503, 'ServiceUnavailable', 'throttled'],
    [500, 'InternalError', 'unreachable'],
    [502, 'BadGateway', 'unreachable'],
    [403, 'AccessDenied', 'denied'],
    [403, 'InvalidAccessKeyId', 'denied'],
    [400, 'ExpiredToken', 'denied'],
    [403, 'InvalidObjectState', 'cold'],
    [404, 'NoSuchKey', 'absent'],
    [404, 'NoSuchBucket', 'no-container'],
    [400, 'AuthorizationHeaderMalformed', 'invalid'],
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

  it('Retry-After is handed on', async () => {
    server.faults.inject({
      method: 'PUT',
      effect: { kind: 'answer', status: 503, code: 'SlowDown', headers: { 'retry-after': '7' } },
    });
    assert.equal((await errorOf(put(store, 'retry-after', 'x'))).retryAfterMs, 7000);
  });

  it('a delete marker is told from an object that never was', async () => {
    server.contents.deleteMarkers.add('p/marked');
    const marked = await errorOf(store.get('marked', { signal }));
    assert.equal(marked.kind, 'absent');
    assert(marked.hasDeleteMarker);
    assert.match(marked.message, /delete marker/);
    assert(!(await errorOf(store.get('never', { signal }))).hasDeleteMarker);
  });

  it('a frozen object is cold, not absent', async () => {
    await put(store, 'frozen', 'x');
    const object = server.contents.find('p/frozen');
    server.contents.objects.set('p/frozen', { ...object, storageClass: 'GLACIER' });
    await rejectsAs('cold', store.get('frozen', { signal }));
  });

  it('409 between two creators is repeated until it is decided', async () => {
    server.faults.inject({
      method: 'PUT',
      times: 3,
      effect: { kind: 'answer', status: 409, code: 'ConditionalRequestConflict' },
    });
    await put(store, 'conflict', 'x');
    assert.equal((await read(store, 'conflict')).toString(), 'x');
  });

  it('an older service gets the MD5 it insists on', async () => {
    await put(store, 'md5', 'x');
    server.faults.inject({
      query: 'delete',
      effect: { kind: 'answer', status: 400, code: 'MissingContentMD5' },
    });
    assert.deepEqual(await store.delete(['md5'], { signal }), []);
    await rejectsAs('absent', store.get('md5', { signal }));
  });

  it('where many cannot be deleted at once, each is', async () => {
    await put(store, 'each/1', 'x');
    await put(store, 'each/2', 'x');
    server.faults.inject({
      query: 'delete',
      effect: { kind: 'answer', status: 501, code: 'NotImplemented' },
    });
    assert.deepEqual(await store.delete(['each/1', 'each/2', 'each/3'], { signal }), []);
    assert.deepEqual(await names(store, { prefix: 'each/' }), []);
  });
});

describe('s3: lost and broken answers', () => {
  it('a cut answer is never taken for the whole', async () => {
    await put(store, 'cut', [randomBody(2 * mebibyte)]);
    for (const afterBytes of [0, 1, mebibyte, 2 * mebibyte - 1]) {
      server.faults.inject({ method: 'GET', key: /cut$/, effect: { kind: 'truncate', afterBytes } });
      await rejectsAs('unreachable', read(store, 'cut'));
    }
    assert.equal((await read(store, 'cut')).length, 2 * mebibyte);
  });

  it('silence ends at the limit, and is unreachable', async () => {
    const hasty = await connect({ timeoutMs: 200 });
    await put(store, 'silent', 'x');
    server.faults.inject({ key: /silent/, times: 3, effect: { kind: 'stall' } });
    await rejectsAs('unreachable', hasty.get('silent', { signal }));
    await rejectsAs('unreachable', hasty.head('silent', { signal }));
    await rejectsAs('unreachable', put(hasty, 'silent2', 'x'));
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

describe('s3: long uploads', () => {
  const body = randomBody(17 * mebibyte);

  it('repeats parts, and the beginning and the end, that failed for the moment', async () => {
    const busy = { kind: 'answer', status: 503, code: 'SlowDown' } as const;
    server.faults.inject({ query: 'uploads', effect: busy });
    server.faults.inject({ query: 'partNumber', skip: 1, times: 2, effect: busy });
    server.faults.inject({
      query: 'partNumber',
      skip: 4,
      effect: { kind: 'reset-request', afterBytes: 100_000 },
    });
    server.faults.inject({ method: 'POST', query: 'uploadId', effect: busy });
    await put(store, 'long', inPieces(body), { sha256: sha256Of(body) });
    assert(body.equals(await read(store, 'long')));
  });

  it('a short stream is repeated while it is in memory', async () => {
    server.faults.inject({
      method: 'PUT',
      key: /short$/,
      times: 2,
      effect: { kind: 'answer', status: 503, code: 'SlowDown' },
    });
    await put(store, 'short', inPieces(Buffer.from('content')));
    assert.equal((await read(store, 'short')).toString(), 'content');
  });

  it('a part refused for good ends it, and leaves nothing', async () => {
    server.faults.inject({
      query: 'partNumber',
      skip: 1,
      effect: { kind: 'answer', status: 403, code: 'AccessDenied' },
    });
    await rejectsAs('denied', put(store, 'refused', inPieces(body)));
    assert.equal(await store.head('refused', { signal }), undefined);
  });

  it('a lost answer to the end meets our own object: exists, and the write id is ours', async () => {
    server.faults.inject({ method: 'POST', query: 'uploadId', effect: { kind: 'lost-response' } });
    await rejectsAs('exists', put(store, 'lost-end', inPieces(body), { metadata: { 'write-id': 'mine' } }));
    assert.equal((await store.head('lost-end', { signal }))?.metadata['write-id'], 'mine');
    assert(body.equals(await read(store, 'lost-end')));
  });

  it('a conflict at the end is unreachable: only a new upload can decide it', async () => {
    server.faults.inject({ method: 'POST', query: 'uploadId', times: 9, effect: { kind: 'answer', status: 409, code: 'ConditionalRequestConflict' } }); // prettier-ignore
    const error = await errorOf(put(store, 'late-conflict', inPieces(body)));
    assert.equal(error.kind, 'unreachable');
  });

  it('never reads further ahead than the parts it may hold', async () => {
    const sizeBytes = 60 * mebibyte;
    const chunk = Buffer.alloc(mebibyte, 1);
    let furthestAheadBytes = 0;
    const counted = async function* () {
      for (let sentBytes = 0; sentBytes < sizeBytes; sentBytes += chunk.length) {
        const arrived = [...server.contents.uploads.values()].flatMap(upload => [...upload.parts.values()]);
        const arrivedBytes = arrived.reduce((total, part) => total + part.data.length, 0);
        furthestAheadBytes = Math.max(furthestAheadBytes, sentBytes - arrivedBytes);
        yield chunk;
      }
    };
    await put(store, 'huge', counted(), { sizeBytes });
    // Three parts under way, one being filled, one chunk looked ahead.
    assert(furthestAheadBytes <= (4 * 5 + 1) * mebibyte, `${furthestAheadBytes / mebibyte} MiB`);
    await store.delete(['huge'], { signal });
  });
});

describe('s3: what protects the bytes on their way', () => {
  it('plain http signs the digest of each body', async () => {
    await put(store, 'signed', 'x');
    const isRefused = await store.refusesWrongChecksum?.('probe', { signal });
    assert.equal(isRefused, true);
  });

  it('notices a service that ignores checksums, and leaves nothing there', async () => {
    const careless = await startS3Server({ checksums: 'ignored' });
    const careful = await connect({ endpoint: careless.endpoint, payload: 'unsigned' });
    assert.equal(await careful.refusesWrongChecksum?.('probe', { signal }), false);
    assert.deepEqual(await names(careful, { prefix: '' }), []);
    await careful.close();
    await careless.close();
  });

  it('notices a service that joins parts over what is there, and leaves nothing', async () => {
    for (const conditions of ['honoured', 'ignored-at-joining'] as const) {
      const service = await startS3Server({ conditions });
      const asked = await connect({ endpoint: service.endpoint });
      assert.equal(await asked.joinsOnlyIfAbsent?.('probe', { signal }), conditions === 'honoured');
      assert.deepEqual(await names(asked, { prefix: '' }), []);
      assert.equal(service.contents.uploads.size, 0);
      await asked.close();
      await service.close();
    }
  });

  it('a service without conditional writes says so, and can be used when told', async () => {
    const simple = await startS3Server({ conditions: 'not-implemented' });
    const strict = await connect({ endpoint: simple.endpoint });
    const error = await errorOf(put(strict, 'a', 'x'));
    assert.equal(error.kind, 'invalid');
    assert.match(error.hint ?? '', /conditional-create=none/);
    const lenient = await connect({ endpoint: simple.endpoint, conditionalCreate: 'none' });
    assert.equal(lenient.capabilities.conditionalCreate, 'none');
    await put(lenient, 'a', 'x');
    await rejectsAs('exists', put(lenient, 'a', 'y'));
    await Promise.all([strict.close(), lenient.close(), simple.close()]);
  });
});
