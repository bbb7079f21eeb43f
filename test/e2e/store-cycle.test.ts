/** The whole way on every service: set up, archived, backed up, dropped, restored, by the executable and PostgreSQL. */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { errorCodes } from '../../src/base/errors/errors.ts';
import { makeCertificates } from '../support/servers/certificates.ts';
import { bringBackDroppedTable } from '../support/site/dropped-table.ts';
import { createPusher } from '../support/torture/pusher.ts';
import { createAzureSite, createGcsSite, createS3Site, type StoreSite } from '../support/site/store-site.ts';

const certificates = makeCertificates();
const sites: Readonly<Record<string, () => Promise<StoreSite>>> = {
  'an S3 bucket over https': () => createS3Site({ tls: certificates }, ['--ca-file', certificates.caFile]),
  'a Google Cloud Storage bucket': createGcsSite,
  'an Azure container': createAzureSite,
};

for (const [name, create] of Object.entries(sites))
  describe(name, () => {
    let store: StoreSite;
    beforeAll(async () => {
      store = await create();
    });
    afterAll(() => store.close());

    it('gives back a table that was dropped', () => bringBackDroppedTable(store.site));

    it('holds nothing readable', async () => {
      const contents = await store.contents();
      assert.ok([...contents.keys()].some(key => /\/wal\/.*\/[0-9A-F]{24}$/.test(key)));
      assert.deepEqual(
        [...contents].flatMap(([key, data]) => (data.includes('committed') ? key : [])),
        [],
      );
    });

    it('takes what it created itself for archived, though no answer said so', async () => {
      const pusher = await createPusher(store.site, { segmentSizeMiB: 1 });
      assert.equal((await pusher.push(pusher.writeSegment(1))).exitCode, 0);
      const segment = pusher.writeSegment(2);
      const before = (await store.contents()).size;
      store.loseNextAnswer();
      const pushed = await pusher.push(segment);
      assert.equal(pushed.exitCode, 0, pushed.stderr);
      assert.equal((await store.contents()).size, before + 1);
      const patient = { ...store.site.readerEnv, WALVAULT_FETCH_STANDBY_TIMEOUT: '15s' };
      const fetched = await pusher.fetch(segment, { env: patient });
      assert.ok(fetched.data?.equals(segment.data), fetched.result.stderr);
      const other = { ...segment, data: pusher.writeSegment(2).data };
      assert.equal((await pusher.push(other)).exitCode, errorCodes.conflict);
    });

    if (name.endsWith('https'))
      it('is not believed without its authority', async () => {
        const { exitCode, stderr } = await store.site.walvault(['list'], {
          env: { WALVAULT_REPOSITORY_CA_FILE: makeCertificates().caFile },
        });
        assert.equal(exitCode, errorCodes.unreachable, stderr);
        assert.match(stderr, /^HINT: .*ca-file/m);
      });
  });
