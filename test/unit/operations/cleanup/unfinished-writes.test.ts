import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateMultipartUploadCommand, S3Client } from '@aws-sdk/client-s3';
import { describe, it } from 'vitest';
import { silentLog, wordsInto } from '../../../support/logs.ts';
import type { Words } from '../../../../src/observe/words/table.ts';
import { Secret } from '../../../../src/base/secret.ts';
import { cleanUnfinishedWrites } from '../../../../src/operations/cleanup/unfinished-writes.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { createFsStore } from '../../../../src/stores/fs/store.ts';
import { openStore } from '../../../../src/stores/open.ts';
import type { Store } from '../../../../src/stores/store.ts';
import { startS3Server } from '../../../support/servers/s3/server.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const signal = new AbortController().signal;
const hourMs = 3_600_000;
const now = new Date();
const dayOld = new Date(now.getTime() - 25 * hourMs);

async function clean(store: Store, isDryRun = false, log = silentLog) {
  const repository = { name: 'main', store } as Repository;
  return await cleanUnfinishedWrites(repository, { cluster: 'orders', isDryRun, now, log, signal });
}

describe('cleanup: unfinished writes in a directory', () => {
  const digest = '0123456789abcdef';
  const put = (store: Store, key: string) =>
    store.put(key, [Buffer.from(key)], { ifAbsent: true, objectClass: 'wal', metadata: { a: 'b' }, signal });

  async function scene() {
    const root = temporaryDirectory('unfinished', { keepOwner: true });
    const store = createFsStore({ root });
    await put(store, 'orders/1/wal/a');
    mkdirSync(join(root, 'orders/2'));
    mkdirSync(join(root, 'billing'));
    const make = (path: string, time: Date) => {
      writeFileSync(join(root, path), 'left');
      utimesSync(join(root, path), time, time);
    };
    make(`orders/1/wal/.${digest}.walvault-tmp`, dayOld);
    make(`orders/2/b.${digest}.meta`, dayOld);
    make(`orders/1/wal/.${digest.replace('0', 'f')}.walvault-tmp`, now);
    make(`orders/1/wal/fresh.${digest}.meta`, now);
    make(`billing/.${digest}.walvault-tmp`, dayOld);
    make('orders/1/wal/not-ours.txt', dayOld);
    for (const name of readdirSync(join(root, 'orders/1/wal')))
      if (name.startsWith('a.')) utimesSync(join(root, 'orders/1/wal', name), dayOld, dayOld);
    return { root, store };
  }

  it('a dry run names those older than a day, of this cluster, and touches nothing', async () => {
    const { root, store } = await scene();
    const { writes, failures } = await clean(store, true);
    assert.deepEqual(
      writes.map(({ id, sizeBytes }) => [id, sizeBytes]),
      [
        [`orders/1/wal/.${digest}.walvault-tmp`, 4],
        [`orders/2/b.${digest}.meta`, 4],
      ],
    );
    assert.deepEqual(failures, []);
    assert(writes.every(({ id }) => existsSync(join(root, id))));
  });

  it('removes them, and nothing else', async () => {
    const { root, store } = await scene();
    const before = readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
    const { writes } = await clean(store);
    const after = readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
    const gone = before.filter(path => !after.includes(path));
    assert.deepEqual(gone, [...writes.map(({ id }) => id), 'orders/2'].sort());
    assert.deepEqual({ ...(await store.head('orders/1/wal/a', { signal }))?.metadata }, { a: 'b' });
    assert.deepEqual((await clean(store)).writes, []);
  });

  it('a sidecar whose object comes at that moment is kept', async () => {
    const { root, store } = await scene();
    const { writes } = await clean(store, true);
    writeFileSync(join(root, 'orders/2/b'), 'came');
    assert.deepEqual(await store.removeUnfinished?.(writes, { signal }), []);
    assert.deepEqual(readdirSync(join(root, 'orders/2')).sort(), ['b', `b.${digest}.meta`]);
  });
});

describe('cleanup: unfinished uploads on S3', () => {
  it('aborts those older than a day, under our prefix', async () => {
    const server = await startS3Server();
    const store = await openStore({
      url: server.url,
      accessKeyId: new Secret(server.accessKeyId),
      secretAccessKey: new Secret(server.secretAccessKey),
    });
    const client = new S3Client({
      endpoint: server.endpoint,
      region: server.region,
      forcePathStyle: true,
      credentials: server,
    });
    for (const key of [
      'repository/orders/old',
      'repository/orders/new',
      'repository/billing/old',
      'orders/old',
    ])
      await client.send(new CreateMultipartUploadCommand({ Bucket: server.bucket, Key: key }));
    const uploads = [...server.contents.uploads.values()];
    for (const upload of uploads) if (upload.key.endsWith('old')) upload.initiated = dayOld;

    assert.deepEqual(
      (await clean(store, true)).writes.map(({ key }) => key),
      ['orders/old'],
    );
    assert.equal(server.contents.uploads.size, 4);
    assert.deepEqual(
      (await clean(store)).writes.map(({ key }) => key),
      ['orders/old'],
    );
    assert.deepEqual(
      [...server.contents.uploads.values()].map(({ key }) => key),
      ['repository/orders/new', 'repository/billing/old', 'orders/old'],
    );

    server.faults.inject({ query: 'uploads', effect: { kind: 'answer', status: 403, code: 'AccessDenied' } });
    const events: Words[] = [];
    assert.deepEqual(await clean(store, false, wordsInto(events)), {
      writes: [],
      failures: [],
    });
    assert.match(JSON.stringify(events), /unfinished uploads are not looked for/);
    client.destroy();
    await store.close();
    await server.close();
  });
});
