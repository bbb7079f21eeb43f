/** Copy from one kind of store to the next, all the way round: what comes back is what went, metadata included. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { Secret } from '../../../../src/base/secret.ts';
import { createMarker } from '../../../../src/repository/format/marker.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { openStore } from '../../../../src/stores/open.ts';
import type { Store } from '../../../../src/stores/store.ts';
import { makeRepository, overrideStore, signal } from '../../../support/site/archive.ts';
import { startAzurite, type Azurite } from '../../../support/servers/azurite.ts';
import { startGcsServer, type GcsServer } from '../../../support/servers/gcs/server.ts';
import { startS3Server, type S3Server } from '../../../support/servers/s3/server.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { contentOf, copyable, makeSource, run } from '../../../support/copied-repository.ts';

describe('copy between unlike stores', () => {
  let gcs: GcsServer;
  let azure: Azurite;
  let s3: S3Server;
  const opened: Store[] = [];
  beforeAll(async () => {
    [gcs, azure, s3] = await Promise.all([
      startGcsServer({ tokens: 'ignored' }),
      startAzurite(),
      startS3Server(),
    ]);
  });
  afterAll(async () => {
    await Promise.all(opened.map(store => store.close()));
    await Promise.all([gcs.close(), azure.close(), s3.close()]);
  });

  async function open(...[settings]: Parameters<typeof openStore>): Promise<Store> {
    const store = await openStore(settings);
    opened.push(store);
    return store;
  }

  it('directory, Google, Azure, S3 and a directory again, each hop cut off once', async () => {
    const directory = () => open({ url: `file://${temporaryDirectory('copy', { keepOwner: true })}` });
    const stations: readonly (readonly [string, Store])[] = [
      ['google', await open({ url: `${gcs.url}&anonymous=true` })],
      ['azure', await open({ url: azure.url, accountKey: new Secret(azure.accountKey) })],
      [
        's3',
        await open({
          url: s3.url,
          accessKeyId: new Secret(s3.accessKeyId),
          secretAccessKey: new Secret(s3.secretAccessKey),
        }),
      ],
      ['directory', await directory()],
    ];
    let from = await makeSource(await directory());
    const origin = copyable(await contentOf(from));
    assert.ok(origin.size > 12, `${origin.size} objects`);
    for (const [name, store] of stations) {
      await createMarker(store, signal);
      const to = await makeRepository({ name, store, empty: true });
      const before = await cutOff(from, to, Math.floor(origin.size / 2));
      const { copied, conflicts, failures } = await run(from, to);
      assert.deepEqual([conflicts, failures], [[], []]);
      assert.equal(copied.objects, origin.size - before, `${name} was given again what it had`);
      assert.deepEqual(await contentOf(to), origin, name);
      from = to;
    }
  });
});

/** Stops the copy, as a signal would, in the middle of its objects. @returns how many had arrived */
async function cutOff(from: Repository, to: Repository, afterPuts: number): Promise<number> {
  const controller = new AbortController();
  const reason = new Error('stopped');
  let puts = 0;
  const store = overrideStore(to.store, {
    put(key, body, options) {
      if (++puts > afterPuts) controller.abort(reason);
      return to.store.put(key, body, options);
    },
  });
  await assert.rejects(run(from, { ...to, store }, { signal: controller.signal }), reason);
  // What was under way may still arrive.
  for (let arrived = -1; ;) {
    const { size } = await contentOf(to);
    if (size === arrived) return size;
    arrived = size;
    await delay(500);
  }
}
