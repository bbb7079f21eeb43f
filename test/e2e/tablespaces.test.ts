/** Data outside the data directory: tablespaces that move or stay, a database behind a link, WAL on a disk of its own, and a group that may read it. */
import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
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
  /** Inside the data directory. */
  let near: { oid: string; location: string };
  /** The database of all tables: the link in the data directory, and where it leads. */
  let database: { path: string; location: string };

  beforeAll(async () => {
    site = await createSite();
    const walDirectory = join(temporaryDirectory('wal'), 'pg_wal');
    origin = await site.startOrigin({
      initdbArgs: ['--wal-segsize=1', `--waldir=${walDirectory}`, '--allow-group-access'],
    });
    fast = await createTablespace(origin, 'fast');
    slow = await createTablespace(origin, 'slow disk');
    near = await createTablespace(origin, 'near', join(realpathSync(origin.dataDirectory), 'spaces'));
    await origin.query('create table hot(n int) tablespace fast');
    await origin.query('create table close_by tablespace near as select generate_series(1, 500) as n');
    await origin.query('create table cold(n int) tablespace "slow disk"');
    await origin.query('insert into hot select generate_series(1, 5000)');
    database = await moveDatabase(origin);
    await backUp(site, origin);
    await origin.query('insert into cold select generate_series(1, 7000)');
    await archiveEverything(origin);
  });
  afterAll(async () => {
    await origin[Symbol.asyncDispose]();
  });

  const assertRestored = async (directory: string) => {
    assert.deepEqual(closedToTheGroup(directory), []);
    // It finds the tablespace inside the data directory by its link, and a second time where it is.
    await verifyWithPostgres(origin, directory, ['--ignore=spaces']);
    await using copy = await startCopy(site, directory);
    assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
    assert.deepEqual(
      await copy.query(
        `select (select count(*)::int from hot) as hot, (select count(*)::int from cold) as cold,
           (select count(*)::int from close_by) as near`,
      ),
      [{ hot: 5000, cold: 7000, near: 500 }],
    );
    assert.equal(readlinkSync(join(directory, 'pg_tblspc', near.oid)), join(directory, 'spaces', 'near'));
    assert.ok(lstatSync(join(directory, database.path)).isDirectory());
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
    assert.match(
      stdout,
      new RegExp(`tablespace +${near.oid} in ${directory}/spaces/near, was in ${near.location}`),
    );
    assert.match(
      stdout,
      new RegExp(`directory +${database.path} itself, was a link to ${database.location}`),
    );
    for (const path of [directory, ...moved]) assert.ok(!existsSync(path));
  });

  it('is not backed up with a file that cannot be read: named at once, by check too, and nothing is sent', async () => {
    const foreign = join(origin.dataDirectory, 'base', 'core.4711');
    writeFileSync(foreign, 'x', { mode: 0o000 });
    const { stdout: before } = await site.walvault(['list', '--json']);
    const refused = await site.walvault(['backup', '--fast'], { env: origin.env });
    const checked = await site.walvault(['check'], { env: origin.env });
    rmSync(foreign);
    assert.equal(refused.exitCode, errorCodes['local-io'], refused.stderr);
    assert.match(refused.stderr, new RegExp(`^walvault: ${foreign} belongs to .* cannot be read by`, 'm'));
    assert.match(refused.stderr, /^HINT: .*chown/m);
    assert.doesNotMatch(refused.stderr, /checkpoint/);
    assert.equal(checked.exitCode, errorCodes['check-failed']);
    assert.match(checked.stdout, new RegExp(`${foreign} belongs to`));
    const { stdout: after } = await site.walvault(['list', '--json']);
    assert.deepEqual(backupsIn(after), backupsIn(before));
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

  it('puts them where they were once the origin is gone, and its WAL on a disk of its own, where that is asked for', async () => {
    await origin.stop();
    const directories = [fast.location, slow.location];
    for (const path of directories) emptyTablespace(path);
    const walDirectory = newDirectory();
    const directory = await restoreInto(site, ['--yes', '--waldir', walDirectory]);
    assert.equal(readlinkSync(join(directory, 'pg_wal')), walDirectory);
    assert.deepEqual(readdirSync(walDirectory), ['archive_status']);
    await assertRestored(directory);
    for (const path of directories) assert.equal(readdirSync(path).length, 1);
  });
});

/** Moves `base/<oid>` of the database with the tables to another place, behind a link, as an administrator does. */
async function moveDatabase(server: PostgresServer): Promise<{ path: string; location: string }> {
  const [row] = await server.query<{ oid: string }>(
    'select oid::text as oid from pg_database where datname = current_database()',
  );
  const path = `base/${row?.oid}`;
  const location = join(realpathSync(temporaryDirectory('database')), 'moved');
  await server.stop();
  renameSync(join(server.dataDirectory, path), location);
  symlinkSync(location, join(server.dataDirectory, path));
  await server.start();
  return { path, location };
}

/** What the group that `initdb --allow-group-access` lets in could not read. */
function closedToTheGroup(directory: string): string[] {
  const paths = ['', ...readdirSync(directory, { recursive: true, encoding: 'utf8' })];
  return paths.filter(path => {
    const stats = lstatSync(join(directory, path));
    // This test made `spaces`, for its owner alone.
    if (stats.isSymbolicLink() || path === 'spaces') return false;
    return (stats.mode & 0o777) !== (stats.isDirectory() ? 0o750 : 0o640);
  });
}

function backupsIn(list: string): string[] {
  return [...list.matchAll(/"id": "(\S+)"/g)].map(match => match[1] ?? '');
}

async function createTablespace(
  server: PostgresServer,
  name: string,
  parent = realpathSync(temporaryDirectory('tablespace')),
): Promise<{ oid: string; location: string }> {
  const location = join(parent, name);
  mkdirSync(location, { mode: 0o700, recursive: true });
  giveToUnprivileged(parent);
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
