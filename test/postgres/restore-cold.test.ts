/** A restore from an archive that a lifecycle rule has moved to an archive tier: said before anything is written. */
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { WalvaultError } from '../../src/base/errors/errors.ts';
import { Secret } from '../../src/base/secret.ts';
import { openStore } from '../../src/stores/open.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { startS3Server, type S3Server } from '../support/servers/s3/server.ts';
import { archiveEverything, commitRows, createSite, type Site } from '../support/site/site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';
import {
  newDirectory,
  restoreFrom,
  signal,
  takeBackup,
  type RestoreChoice,
} from '../support/site/restore-fixtures.ts';

function secretFile({ secretAccessKey }: S3Server): string {
  const path = join(temporaryDirectory('s3-secret'), 'secret');
  writeFileSync(path, secretAccessKey, { mode: 0o600 });
  giveToUnprivileged(dirname(path));
  return path;
}

const thaw = { days: 7, speed: 'standard' } as const;

describe('restore from an archive tier', () => {
  let server: S3Server;
  let site: Site;
  let origin: PostgresServer;
  let time: string;

  beforeAll(async () => {
    server = await startS3Server();
    site = await createSite({
      repositoryUrl: () => server.url,
      initArgs: ['--access-key-id', server.accessKeyId, '--secret-access-key-file', secretFile(server)],
    });
    appendFileSync(site.configPath, 'wal-storage-class = "DEEP_ARCHIVE"\nbackup-storage-class = "GLACIER"\n');
    origin = await site.startOrigin();
    await takeBackup(site, origin);
    await commitRows(origin, 1, 2);
    const [row] = await origin.query<{ now: string }>('select clock_timestamp()::text as now');
    time = row?.now ?? '';
    await commitRows(origin, 3, 3);
    await archiveEverything(origin);
    await origin.stop();
  });
  afterAll(() => server.close());

  async function refusal(choice: RestoreChoice): Promise<WalvaultError> {
    const directory = newDirectory();
    try {
      await restoreFrom(site, { ...choice, directory });
    } catch (error) {
      assert(error instanceof WalvaultError, String(error));
      assert(!existsSync(directory), 'nothing is written');
      return error;
    }
    throw new Error('it was restored');
  }
  const reads = (key: RegExp) =>
    server.requests.filter(({ method, key: seen }) => method === 'GET' && key.test(seen)).length;

  test('WAL that the plan itself reads, and WAL that only the recovery reads', async () => {
    server.contents.freeze(/\/parts\//, 'STANDARD');
    for (const choice of [{ targetTime: time }, {}]) {
      const error = await refusal(choice);
      assert.equal(error.code, 'cold-tier');
      assert.match(error.message, /needs what cannot be read yet: \d+ segments of WAL in DEEP_ARCHIVE$/);
      assert.match(error.hint ?? '', /--thaw/);
    }
  });

  test('parts of the backup too, each tier counted', async () => {
    server.contents.freeze(/\/parts\//, 'GLACIER');
    const read = reads(/\/parts\//);
    const error = await refusal({ overrides: { dryRun: true } });
    assert.match(error.message, /\d+ objects of the backup in GLACIER, \d+ segments of WAL in DEEP_ARCHIVE/);
    assert.equal(reads(/\/parts\//), read, 'no part was asked for');
  });

  test('--thaw asks for all of it once, and it restores when all is there', async () => {
    const asked = await refusal({ targetTime: time, overrides: { thaw } });
    assert.equal(asked.code, 'cold-tier');
    const [, requested] = /asked for (\d+) objects; nothing was restored/.exec(asked.message) ?? [];
    const thaws = server.requests.filter(({ query }) => query.has('restore')).length;
    assert.equal(Number(requested), thaws);

    const again = await refusal({ targetTime: time, overrides: { thaw } });
    assert.match(again.message, new RegExp(`asked for 0 objects, ${thaws} were asked for before`));
    assert.match((await refusal({})).message, /\(\d+ being thawed\)/);

    server.contents.finishThawing();
    const { finished } = await restoreFrom(site, { targetTime: time, directory: newDirectory() });
    assert(finished);
  });

  test('the manifest, the histories and the catalogue never go to the classes of WAL and parts', async () => {
    const { url, accessKeyId, secretAccessKey } = server;
    const store = await openStore({
      url,
      accessKeyId: new Secret(accessKeyId),
      secretAccessKey: new Secret(secretAccessKey),
    });
    for await (const entry of store.list({ prefix: '', signal }))
      if ('key' in entry && entry.cold !== undefined) assert.match(entry.key, /\/(wal|parts)\//);
    await store.close();
  });
});
