/**
 * The S3 driver against a real Ceph RADOS Gateway, started here: the contract, and what only a real service can tell
 * about versions, locks, encryption, policies and payment.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { Secret } from '../../src/base/secret.ts';
import { openStore } from '../../src/stores/open.ts';
import type { StoreSettings } from '../../src/stores/open.ts';
import { createS3Store, type S3StoreOptions } from '../../src/stores/s3/store.ts';
import { s3OptionsOf } from '../../src/stores/s3/url.ts';
import type { Store, UnfinishedWrite } from '../../src/stores/store.ts';
import { missingCephTools, startCeph, type CephGateway } from '../support/servers/ceph.ts';
import { inPieces, names, put, randomBody, read, rejectsAs, signal } from './contract-driver.ts';
import { runStoreContract } from './store-contract.ts';

const partSizeBytes = 5 * 1024 * 1024;
const missing = missingCephTools();

if (missing.length > 0) {
  it('store contract: s3 (Ceph)', () => {
    throw new Error(`not installed: ${missing.join(', ')} (Debian: ceph-mon ceph-osd radosgw)`);
  });
} else {
  await runOnCeph(await startCeph());
}

async function runOnCeph(ceph: CephGateway): Promise<void> {
  const client = clientOf(ceph, ceph);
  const createBucket = async (bucket: string, hasLock = false) => {
    await client.send(new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: hasLock }));
    return bucket;
  };
  const urlOf = (bucket: string, more = '') =>
    `s3://${bucket}/repository?endpoint=${encodeURIComponent(ceph.endpoint)}&path-style=true${more}`;
  const settingsOf = (bucket: string, more = '', keys: Keys = ceph): StoreSettings => ({
    url: urlOf(bucket, more),
    accessKeyId: new Secret(keys.accessKeyId),
    secretAccessKey: new Secret(keys.secretAccessKey),
  });
  const open = async (bucket: string, more = '', extra: Partial<StoreSettings> = {}, keys: Keys = ceph) => {
    const settings = { ...settingsOf(bucket, more, keys), ...extra };
    return await createS3Store({ ...s3OptionsOf(new URL(settings.url), settings), partSizeBytes });
  };
  afterAll(async () => {
    client.destroy();
    await ceph.close();
  });

  await createBucket('contract');
  const options: S3StoreOptions = {
    ...s3OptionsOf(new URL(urlOf('contract')), settingsOf('contract')),
    partSizeBytes,
  };
  runStoreContract(
    {
      name: `s3 (Ceph ${ceph.version})`,
      async open() {
        const store = await createS3Store(options);
        const second = await openStore(settingsOf('contract'));
        const withoutContainer = await createS3Store({ ...options, bucket: 'walvault-no-such-bucket' });
        const denied = await createS3Store({
          ...options,
          credentials: { accessKeyId: new Secret(ceph.accessKeyId), secretAccessKey: new Secret('wrong') },
        });
        return {
          store,
          second,
          withoutContainer,
          asDenied: work => work(denied),
          leftovers: async () => (await unfinished(store, '')).map(({ key }) => key),
          boundaryBytes: partSizeBytes,
          close: async () => {
            await Promise.all([store, second, withoutContainer, denied].map(store => store.close()));
          },
        };
      },
    },
    ['withoutContainer', 'asDenied', 'leftovers'],
    // Releases before 20 take the condition and ignore it.
    ceph.version < 20 ? ['long-creation'] : [],
  );

  it(`s3 on Ceph ${ceph.version}: says whether it looks before it joins parts, and leaves nothing`, async () => {
    const store = await createS3Store(options);
    assert.equal(await store.joinsOnlyIfAbsent?.('joined', { signal }), ceph.version >= 20);
    assert.deepEqual(await names(store, { prefix: 'joined' }), []);
    assert.deepEqual(await unfinished(store, 'joined'), []);
    await store.close();
  });

  describe(`s3 on Ceph ${ceph.version}: versions and locks`, () => {
    beforeAll(async () => {
      const Bucket = await createBucket('versions');
      await client.send(
        new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }),
      );
    });

    it('in a bucket that keeps versions, deleted is gone: every version, and nothing of other keys', async () => {
      const store = await open('versions');
      const going = ['a/1', 'a/100', 'a/3', 'b/1'];
      const staying = ['a/10', 'a/2', 'a/4', 'b/10', 'c'];
      for (const key of [...going, ...staying])
        for (const body of ['one', 'two']) await put(store, key, body, { ifAbsent: false });
      assert.deepEqual(await store.delete([...going, 'never-there'], { signal }), []);
      assert.deepEqual(await names(store, { prefix: '' }), staying);
      const left = await client.send(new ListObjectVersionsCommand({ Bucket: 'versions' }));
      assert.deepEqual(
        [...new Set((left.Versions ?? []).map(({ Key }) => Key))],
        staying.map(key => `repository/${key}`),
      );
      assert.equal(left.Versions?.length, 2 * staying.length);
      assert.equal(left.DeleteMarkers?.length ?? 0, 0);
      await store.close();
    });

    it('finds what is hidden, on more than one page', async () => {
      // On a busy machine Ceph takes a minute for a thousand keys.
      const store = await open('versions', '', { timeoutMs: 240_000 });
      const keys = Array.from({ length: 1100 }, (_, index) => `many/${index}`);
      const objects = keys.map(key => ({ Key: `repository/${key}` }));
      for (const some of [objects.slice(0, 1000), objects.slice(1000)])
        await client.send(new DeleteObjectsCommand({ Bucket: 'versions', Delete: { Objects: some } }));
      // Each key has a delete marker and nothing else: what is hidden is found and goes as well.
      assert.deepEqual(await store.delete(keys, { signal }), []);
      const left = await client.send(
        new ListObjectVersionsCommand({ Bucket: 'versions', Prefix: 'repository/many/' }),
      );
      assert.deepEqual([left.Versions ?? [], left.DeleteMarkers ?? []], [[], []]);
      await store.close();
    });

    it('shows what the bucket held at a moment, whatever was overwritten or deleted since', async () => {
      const store = await open('versions');
      const past = async (at: Date) => await open('versions', '', { readAtMs: at.getTime() });
      for (const key of ['past/a', 'past/b', 'past/c'])
        await put(store, key, `the ${key}`, { metadata: { a: 'b' } });
      const gone = { Bucket: 'versions', Key: 'repository/past/c' };
      await client.send(new DeleteObjectCommand(gone));
      const before = await pauseAround();
      await put(store, 'past/a', 'ransom', { ifAbsent: false });
      await put(store, 'past/later/x', 'x');
      await client.send(new DeleteObjectCommand({ ...gone, Key: 'repository/past/b' }));
      await put(store, 'past/c', 'again');
      const then = await past(before);
      assert.deepEqual(await names(then, { prefix: 'past/' }), ['past/a', 'past/b']);
      assert.deepEqual(await names(then, { prefix: 'past/', delimiter: '/' }), ['past/a', 'past/b']);
      assert.deepEqual(await names(then, { prefix: 'past/', startAfter: 'past/a' }), ['past/b']);
      for (const key of ['past/a', 'past/b']) {
        assert.equal((await read(then, key)).toString(), `the ${key}`);
        const stat = await then.head(key, { signal });
        assert.deepEqual([stat?.sizeBytes, stat?.metadata['a']], [10, 'b']);
      }
      await rejectsAs('absent', read(then, 'past/c'));
      assert.equal(await then.head('past/later/x', { signal }), undefined);
      await rejectsAs('denied', put(then, 'past/new', 'x'));
      const [refused] = await then.delete(['past/a'], { signal });
      assert.equal(refused?.error.kind, 'denied');
      assert.deepEqual(await names(store, { prefix: 'past/' }), ['past/a', 'past/c', 'past/later/x']);
      await Promise.all([store.close(), then.close()]);
    });

    it('leaves what it deletes to the bucket where it is told to', async () => {
      const store = await open('versions', '&versions=keep');
      await put(store, 'hidden/a', 'a');
      const before = await pauseAround();
      assert.deepEqual(await store.delete(['hidden/a'], { signal }), []);
      assert.deepEqual(await names(store, { prefix: 'hidden/' }), []);
      await closing(await open('versions', '', { readAtMs: before.getTime() }), async then => {
        assert.equal((await read(then, 'hidden/a')).toString(), 'a');
      });
      await store.close();
    });

    it('has no past before it kept versions, and none at all without', async () => {
      const bucket = await createBucket('young');
      const store = await open(bucket);
      await put(store, 'old', 'old');
      const before = await pauseAround();
      const past = () => open(bucket, '', { readAtMs: before.getTime() });
      await closing(await past(), async then => {
        await rejectsAs('no-container', read(then, 'old'));
        await assert.rejects(names(then, { prefix: '' }), /this bucket keeps no versions/);
      });
      const Enabled = { Status: 'Enabled' } as const;
      await client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: Enabled }));
      await put(store, 'new', 'new');
      await closing(await past(), async then => {
        await assert.rejects(names(then, { prefix: '' }), /began to keep versions after/);
      });
      const after = await pauseAround();
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'repository/old' }));
      await closing(await open(bucket, '', { readAtMs: after.getTime() }), async then => {
        assert.deepEqual(await names(then, { prefix: '' }), ['new', 'old']);
        assert.equal((await read(then, 'old')).toString(), 'old');
      });
      await store.close();
    });

    it('a locked object is not deleted, not hidden, and says until when', async () => {
      const bucket = await createBucket('locked', true);
      const store = await open(bucket, '&lock=compliance&lock-for=1h');
      await put(store, 'whole', 'x');
      const long = randomBody(partSizeBytes + 1);
      await put(store, 'long', inPieces(long));
      await put(store, 'probe', 'x', { isTransient: true });
      const failures = await store.delete(['whole', 'long', 'probe'], { signal });
      assert.deepEqual(failures.map(({ key }) => key).sort(), ['long', 'whole']);
      for (const { error } of failures) {
        assert.equal(error.kind, 'denied');
        assert(!error.retry);
        assert.match(error.message, /locked until 20.* \(compliance\)/);
        const aheadMs = (error.lockedUntil?.getTime() ?? 0) - Date.now();
        assert(aheadMs > 3_500_000 && aheadMs <= 3_600_000, String(aheadMs));
      }
      assert.deepEqual(await names(store, { prefix: '' }), ['long', 'whole']);
      assert(long.equals(await read(store, 'long')));
      await store.close();
    });

    it('what another tool deleted the simple way is a hole with a delete marker', async () => {
      const store = await open('versions');
      await put(store, 'hole', 'x');
      await client.send(
        new PutBucketPolicyCommand({ Bucket: 'versions', Policy: policyFor(ceph, 'versions', forgetful) }),
      );
      const forgetter = await open('versions', '', {}, ceph.stranger);
      const [failure] = await forgetter.delete(['hole'], { signal });
      assert.match(failure?.error.message ?? '', /only hidden/);
      assert.match(failure?.error.hint ?? '', /s3:ListBucketVersions/);
      await assert.rejects(
        store.get('hole', { signal }),
        (error: { kind?: string; hasDeleteMarker?: boolean }) => {
          assert.equal(error.kind, 'absent');
          return true;
        },
      );
      await Promise.all([store.close(), forgetter.close()]);
    });
  });

  describe(`s3 on Ceph ${ceph.version}: what is asked of the service`, () => {
    const customerKey = new Secret(randomBytes(32).toString('base64'));
    const long = randomBody(2 * partSizeBytes + 1);
    it('encrypts with a key that only we hold: without it there is nothing to read', async () => {
      const bucket = await createBucket('encrypted');
      const store = await open(bucket, '', { customerKey });
      await put(store, 'short', 'x', { metadata: { a: 'b' } });
      await put(store, 'long', inPieces(long));
      assert.equal((await read(store, 'short')).toString(), 'x');
      assert(long.equals(await read(store, 'long')));
      assert.equal((await store.head('short', { signal }))?.metadata['a'], 'b');
      assert.equal(await store.head('absent', { signal }), undefined);
      await rejectsAs('exists', put(store, 'long', inPieces(long)));
      const without = await open(bucket);
      await assert.rejects(read(without, 'short'));
      const other = await open(bucket, '', { customerKey: new Secret(randomBytes(32).toString('base64')) });
      await assert.rejects(read(other, 'short'));
      await Promise.all([store, without, other].map(store => store.close()));
    });

    it('encrypts with a managed key', async () => {
      const store = await open('encrypted', '&sse=kms&kms-key-id=test-key');
      await put(store, 'kms', 'x');
      await put(store, 'kms-long', inPieces(long));
      assert(long.equals(await read(store, 'kms-long')));
      for (const key of ['kms', 'kms-long']) {
        const head = await client.send(
          new HeadObjectCommand({ Bucket: 'encrypted', Key: `repository/${key}` }),
        );
        assert.equal(head.ServerSideEncryption, 'aws:kms');
        assert.equal(head.SSEKMSKeyId, 'test-key');
      }
      await store.close();
    });

    it('tags objects', async () => {
      const store = await open('contract', '&tags=team=db%20%26%20co,env=');
      await put(store, 'tagged', 'x');
      await put(store, 'tagged-long', inPieces(long));
      // Ceph 16 forgets the tags of an upload in parts.
      for (const key of ceph.version < 18 ? ['tagged'] : ['tagged', 'tagged-long']) {
        const tags = await client.send(
          new GetObjectTaggingCommand({ Bucket: 'contract', Key: `repository/${key}` }),
        );
        const found = Object.fromEntries((tags.TagSet ?? []).map(({ Key, Value }) => [Key, Value]));
        assert.deepEqual(found, { team: 'db & co', env: '' });
      }
      await store.close();
    });

    it('finds and removes an upload that nobody completes, and only under the prefix asked for', async () => {
      const store = await open('contract');
      for (const key of ['repository/c/a', 'repository/c/b', 'repository/d/a', 'elsewhere/c/a'])
        await client.send(new CreateMultipartUploadCommand({ Bucket: 'contract', Key: key }));
      const found = await unfinished(store, 'c/');
      assert.deepEqual(found.map(({ key }) => key).sort(), ['c/a', 'c/b']);
      assert(found.every(({ lastWritten }) => Math.abs(Date.now() - lastWritten.getTime()) < 60_000));
      assert.deepEqual(await store.removeUnfinished?.([...found, ...found], { signal }), []);
      assert.deepEqual(await unfinished(store, 'c/'), []);
      const [other, ...more] = await unfinished(store, 'd/');
      assert.deepEqual([other?.key, more.length], ['d/a', 0]);
      if (other !== undefined) await store.removeUnfinished?.([other], { signal });
      await store.close();
    });
  });
}

/** May delete, and neither look at versions nor ask whether there are any. */
const forgetful = ['s3:DeleteObject'];

function policyFor(ceph: CephGateway, bucket: string, actions: readonly string[]): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: [ceph.stranger.arn] },
        Action: actions,
        Resource: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`],
      },
    ],
  });
}

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

function clientOf({ endpoint }: CephGateway, { accessKeyId, secretAccessKey }: Keys): S3Client {
  return new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
}

async function closing(store: Store, work: (store: Store) => Promise<void>): Promise<void> {
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

/** A moment apart from what is before and after it: services stamp versions in whole seconds. */
async function pauseAround(): Promise<Date> {
  await sleep(1100);
  const moment = new Date();
  await sleep(1100);
  return moment;
}

async function unfinished(store: Store, prefix: string): Promise<UnfinishedWrite[]> {
  const found: UnfinishedWrite[] = [];
  for await (const write of store.listUnfinished?.({ prefix, signal }) ?? []) found.push(write);
  return found;
}
