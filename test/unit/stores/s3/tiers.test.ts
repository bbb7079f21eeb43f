/** Archive tiers of S3: what listings and answers say of them, and asking for a thaw. */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { Secret } from '../../../../src/base/secret.ts';
import { openStore } from '../../../../src/stores/open.ts';
import { listedTier, tierOf } from '../../../../src/stores/s3/tier.ts';
import { StoreError, type Store } from '../../../../src/stores/store.ts';
import { put, read, rejectsAs, signal } from '../../../contract/contract-driver.ts';
import { archiveFile, archiveSegment, makeRepository } from '../../../support/site/archive.ts';
import { startS3Server, type S3Server } from '../../../support/servers/s3/server.ts';

const thaw = { days: 2, speed: 'standard', signal } as const;

describe('s3: archive tiers', () => {
  let server: S3Server;
  let store: Store;
  beforeAll(async () => {
    server = await startS3Server();
    store = await connect();
    await put(store, 'cold', 'x');
    await put(store, 'warm', 'x');
    server.contents.freeze(/cold$/, 'DEEP_ARCHIVE');
  });
  afterAll(async () => {
    await store.close();
    await server.close();
  });

  /** With all decorators: they hand the capability on. */
  async function connect(storageClasses?: { wal: string }): Promise<Store> {
    return await openStore({
      url: server.url,
      accessKeyId: new Secret(server.accessKeyId),
      secretAccessKey: new Secret(server.secretAccessKey),
      ...(storageClasses && { storageClasses }),
    });
  }
  async function listed(key: string) {
    for await (const entry of store.list({ prefix: key, signal })) if ('key' in entry) return entry;
    return undefined;
  }

  it('the error names the tier, and what to run', async () => {
    await assert.rejects(store.get('cold', { signal }), (error: unknown) => {
      assert(error instanceof StoreError);
      assert.equal(error.kind, 'cold');
      assert.equal(error.code, 'cold-tier');
      assert.match(error.message, /^get cold: in the archive tier DEEP_ARCHIVE \(403 InvalidObjectState\)$/);
      assert.match(error.hint ?? '', /`walvault store thaw cold`/);
      return true;
    });
  });

  it('from the listing to the thawed copy', async () => {
    assert.equal((await listed('cold'))?.cold, 'perhaps');
    assert.equal((await listed('warm'))?.cold, undefined);
    assert.equal((await store.head('cold', { signal }))?.cold, 'frozen');
    assert.equal(await store.thaw?.('warm', thaw), 'readable');
    assert.equal(await store.thaw?.('cold', thaw), 'requested');
    assert.equal(await store.thaw?.('cold', thaw), 'under-way');
    assert.equal((await store.head('cold', { signal }))?.cold, 'thawing');
    await rejectsAs('cold', store.get('cold', { signal }));
    server.contents.finishThawing();
    assert.equal(await store.thaw?.('cold', thaw), 'readable');
    const { tier, cold } = (await store.head('cold', { signal })) ?? {};
    assert.deepEqual({ tier, cold }, { tier: 'DEEP_ARCHIVE', cold: undefined });
    assert.equal((await read(store, 'cold')).toString(), 'x');
  });

  it('a race with another thaw, a speed that there is not, a key that is not there', async () => {
    await put(store, 'new-cold', 'x');
    server.contents.freeze(/new-cold$/, 'DEEP_ARCHIVE');
    await assert.rejects(store.thaw?.('new-cold', { ...thaw, speed: 'expedited' }) as Promise<unknown>, {
      code: 'usage',
      message: /DEEP_ARCHIVE is not thawed that quickly/,
    });
    const effect = { kind: 'answer', status: 409, code: 'RestoreAlreadyInProgress' } as const;
    server.faults.inject({ query: 'restore', effect });
    assert.equal(await store.thaw?.('new-cold', thaw), 'under-way');
    await rejectsAs('absent', store.thaw?.('never', thaw) as Promise<unknown>);
  });

  it('what is read before everything else never goes to the class of WAL', async () => {
    const classed = await connect({ wal: 'GLACIER' });
    const repository = await makeRepository({ store: classed });
    await archiveSegment(repository, 1, 3n);
    await archiveFile(repository, '00000002.history', '1\t0/300000\tx\n');
    const frozen = [...server.contents.objects]
      .filter(([, { storageClass }]) => storageClass === 'GLACIER')
      .map(([key]) => key.split('/').at(-1));
    assert.deepEqual(frozen, ['000000010000000000000003']);
    await classed.close();
  });

  it('instant classes, and INTELLIGENT_TIERING wherever it has put the object', () => {
    assert.deepEqual(tierOf({}), {});
    assert.deepEqual(tierOf({ StorageClass: 'GLACIER_IR' }), { tier: 'GLACIER_IR' });
    assert.deepEqual(listedTier('GLACIER_IR'), { tier: 'GLACIER_IR' });
    assert.deepEqual(listedTier('STANDARD'), {});
    const smart = { StorageClass: 'INTELLIGENT_TIERING' };
    assert.deepEqual(tierOf(smart), { tier: 'INTELLIGENT_TIERING' });
    assert.equal(listedTier('INTELLIGENT_TIERING').cold, 'perhaps');
    const tier = 'INTELLIGENT_TIERING/ARCHIVE_ACCESS';
    const archived = { ...smart, ArchiveStatus: 'ARCHIVE_ACCESS' };
    assert.deepEqual(tierOf(archived), { tier, cold: 'frozen' });
    assert.deepEqual(tierOf({ ...archived, Restore: 'ongoing-request="true"' }), { tier, cold: 'thawing' });
  });
});
