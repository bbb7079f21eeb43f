/** Data outside the data directory: tablespaces that move or stay, and WAL on a disk of its own. */
import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { errorCodes } from '../../src/base/errors/errors.ts';
import {
  assertSound,
  backUp,
  newDirectory,
  restoreInto,
  startCopy,
  verifyWithPostgres,
} from '../support/site/cycle.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { archiveEverything, createSite, outcomeOf, type Site } from '../support/site/site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';

describe('a cluster with two tablespaces and its WAL elsewhere', () => {
  let site: Site;
  let origin: PostgresServer;
  let fast: { oid: string; location: string };
  let slow: { oid: string; location: string };

  beforeAll(async () => {
    site = await createSite();
    const walDirectory = join(temporaryDirectory('wal'), 'pg_wal');
    origin = await site.startOrigin({ initdbArgs: ['--wal-segsize=1', `--waldir=${walDirectory}`] });
    fast = await createTablespace(origin, 'fast');
    slow = await createTablespace(origin, 'slow disk');
    await origin.query('create table hot(n int) tablespace fast');
    await origin.query('create table cold(n int) tablespace "slow disk"');
    await origin.query('insert into hot select generate_series(1, 5000)');
    await backUp(site, origin);
    await origin.query('insert into cold select generate_series(1, 7000)');
    await archiveEverything(origin);
  });
  afterAll(async () => {
    await origin[Symbol.asyncDispose]();
  });

  const assertRestored = async (directory: string) => {
    await verifyWithPostgres(origin, directory);
    await using copy = await startCopy(site, directory);
    assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
    assert.deepEqual(
      await copy.query(
        'select (select count(*)::int from hot) as hot, (select count(*)::int from cold) as cold',
      ),
      [{ hot: 5000, cold: 7000 }],
    );
    await assertSound(copy);
  };

  it('is not restored over tablespaces that are in use, agreed or not', async () => {
    const directory = newDirectory();
    const asked = await site.walvault(['restore', directory]);
    assert.equal(asked.exitCode, errorCodes.refused, asked.stderr);
    assert.match(asked.stderr, new RegExp(`^HINT: .*--tablespace-map ${fast.oid}=DIRECTORY.*--yes`, 'm'));
    const agreed = await site.walvault(['restore', directory, '--yes']);
    assert.equal(agreed.exitCode, errorCodes.destination, agreed.stderr);
    assert.match(agreed.stderr, new RegExp(`${fast.location} is not empty`));
    const half = await site.walvault([
      'restore',
      directory,
      '--tablespace-map',
      `${fast.oid}=${newDirectory()}`,
    ]);
    assert.equal(half.exitCode, errorCodes.refused, half.stderr);
    assert.match(half.stderr, new RegExp(`^walvault: .*${slow.location}`, 'm'));
    assert.ok(!existsSync(directory));
    assert.deepEqual(await origin.query('select count(*)::int as count from hot'), [{ count: 5000 }]);
  });

  it('shows in a dry run where they go, and makes nothing', async () => {
    const directory = newDirectory();
    const moved = [newDirectory(), newDirectory()];
    const map = [`${fast.oid}=${moved[0]}`, `${slow.oid}=${moved[1]}`];
    const args = map.flatMap(one => ['--tablespace-map', one]);
    const { stdout, stderr, exitCode } = await site.walvault(['restore', directory, '--dry-run', ...args]);
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, new RegExp(`tablespace +${fast.oid} in ${moved[0]}, was in ${fast.location}`));
    for (const path of [directory, ...moved]) assert.ok(!existsSync(path));
  });

  it('moves them by OID and by location, and its WAL into the data directory', async () => {
    const moved = [newDirectory(), newDirectory()];
    const directory = await restoreInto(site, [
      ...['--tablespace-map', `${fast.oid}=${moved[0]}`],
      ...['--tablespace-map', `${slow.location}=${moved[1]}`],
    ]);
    assert.ok(lstatSync(join(directory, 'pg_wal')).isDirectory());
    await assertRestored(directory);
    const links = [fast, slow].map(({ oid }) => readlinkSync(join(directory, 'pg_tblspc', oid)));
    assert.deepEqual(links, moved);
    for (const path of moved)
      assert.deepEqual(
        readdirSync(path).map(name => name.replace(/^PG_\d+_\d+$/, 'PG_')),
        ['PG_'],
      );
  });

  it('puts them where they were once the origin is gone', async () => {
    await origin.stop();
    const directories = [fast.location, slow.location];
    for (const path of directories) emptyTablespace(path);
    const directory = await restoreInto(site, ['--yes']);
    await assertRestored(directory);
    for (const path of directories) assert.equal(readdirSync(path).length, 1);
  });
});

async function createTablespace(
  server: PostgresServer,
  name: string,
): Promise<{ oid: string; location: string }> {
  const location = join(realpathSync(temporaryDirectory('tablespace')), name);
  mkdirSync(location, { mode: 0o700 });
  giveToUnprivileged(location);
  await server.query(`create tablespace "${name}" location '${location}'`);
  const [row] = await server.query<{ oid: string }>(
    'select oid::text as oid from pg_tablespace where spcname = $1',
    [name],
  );
  return { oid: row?.oid ?? '', location };
}

function emptyTablespace(location: string): void {
  for (const name of readdirSync(location)) rmSync(join(location, name), { recursive: true });
}
