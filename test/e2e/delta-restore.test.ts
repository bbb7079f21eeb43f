/** `restore --delta`: a broken data directory comes back, and what was right in it was not touched. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'vitest';
import { errorCodes } from '../../src/base/errors/errors.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { localTools } from '../support/servers/postgres-tools.ts';
import { backUp, startCopy } from '../support/site/cycle.ts';
import { dumpOf } from '../support/site/database-contents.ts';
import { runOk } from '../support/site/run.ts';
import { archiveEverything, createSite, outcomeOf } from '../support/site/site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';
import { checkTables } from '../support/site/verify-restored.ts';

describe('restore --delta', () => {
  it('replaces what differs, touches nothing else, and loses no WAL', async () => {
    const tools = await localTools();
    const site = await createSite();
    const space = temporaryDirectory('space');
    giveToUnprivileged(space);
    const origin = await site.startOrigin();
    await origin.query(`create tablespace fast location '${space}'`);
    await origin.query(`
      create table kept as select n, repeat(md5(n::text), 8) as body from generate_series(1, 20000) n;
      create table made (n int primary key, body text);
      insert into made select n, repeat(md5(n::text), 8) from generate_series(1, 20000) n;
      create table remade as select n, repeat(md5(n::text), 8) as body from generate_series(1, 20000) n;
      create table flipped as select n, repeat('x', 200) as body from generate_series(1, 20000) n;
      create table removed as select n from generate_series(1, 5000) n;
      create table dropped as select n from generate_series(1, 5000) n;
      create table spaced tablespace fast as select n from generate_series(1, 5000) n`);
    // Whoever reads a row for the first time changes its page.
    await origin.query('vacuum (freeze) kept');
    await backUp(site, origin);
    await origin.query("update made set body = 'changed' where n % 500 = 0");
    await origin.query("update remade set body = 'changed' where n % 500 = 0");
    await origin.query('vacuum (freeze) made');
    await origin.query('vacuum (freeze) remade');
    await backUp(site, origin, ['--type', 'incremental']);
    const paths = await pathsOf(origin, ['kept', 'made', 'remade', 'flipped', 'removed', 'spaced']);
    await origin.query('create table later as select n from generate_series(1, 5000) n');
    await origin.query('drop table dropped');
    await origin.query('create database another');
    await archiveEverything(origin);
    await origin.query("alter system set archive_command = '/bin/false'");
    await origin.query('select pg_reload_conf()');
    await origin.query('insert into later values (-1)');
    await origin.query('select pg_switch_wal()');
    await origin.query('insert into later values (-2)');
    const contents = await dumpOf(origin, tools);
    await origin.stop('immediate');

    const { dataDirectory } = origin;
    const planted = plant(origin, paths);
    const untouched = ['kept', 'made'].map(name => join(dataDirectory, paths.get(name) ?? ''));
    const before = untouched.map(identityOf);
    const other = join(space, 'other cluster');
    writeFileSync(other, 'not ours');
    giveToUnprivileged(space);

    const dry = await site.walvault(['restore', dataDirectory, '--delta', '--dry-run']);
    assert.equal(dry.exitCode, 0, dry.stderr);
    assert.match(dry.stdout, /^Would replace what differs in .*pg_wal aside; nothing was written\.\n/);
    assert.ok(existsSync(join(dataDirectory, 'global/pg_control')));

    const done = await site.walvault(['restore', dataDirectory, '--delta']);
    assert.equal(done.exitCode, 0, done.stderr);
    assert.match(done.stdout, /^Restored onto /);
    assert.deepEqual(untouched.map(identityOf), before);
    planted.assertGone();
    assert.equal(readFileSync(other, 'utf8'), 'not ours');
    rmSync(other);
    assert.ok(!existsSync(join(dataDirectory, 'walvault.delta-restore')));
    assert.ok(!existsSync(join(dataDirectory, 'postmaster.pid')));

    const aside = asideIn(dataDirectory);
    const named = /archive lacks: ([0-9A-F ]+), and the segment ([0-9A-F]{24})/.exec(done.stderr);
    assert.ok(named?.[1] !== undefined && named[2] !== undefined, done.stderr);
    for (const name of named[1].trim().split(' ')) {
      const pushed = await site.walvault(['push', join(aside, name)]);
      assert.equal(pushed.exitCode, 0, pushed.stderr);
    }
    copyFileSync(join(aside, named[2]), join(dataDirectory, 'pg_wal', named[2]));
    giveToUnprivileged(join(dataDirectory, 'pg_wal'));
    await verifyBut(origin, dataDirectory, aside);
    await using copy = await startCopy(site, dataDirectory);
    assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
    assert.ok((await dumpOf(copy, tools)) === contents);
    await checkTables(copy, tools);

    // A second time, onto a directory with another timeline, whose links are those of its tablespaces.
    await copy.stop();
    const again = await site.walvault(['restore', dataDirectory, '--delta']);
    assert.equal(again.exitCode, 0, again.stderr);
  });

  it('refuses what it cannot know to be a stopped directory of this cluster', async () => {
    const site = await createSite();
    await using origin = await site.startOrigin();
    await backUp(site, origin);
    const refused = async (directory: string, code: keyof typeof errorCodes, message: RegExp) => {
      const result = await site.walvault(['restore', directory, '--delta']);
      assert.equal(result.exitCode, errorCodes[code], result.stderr);
      assert.match(result.stderr, message);
    };
    await refused(origin.dataDirectory, 'destination', /postmaster\.pid: a server may be running/);
    assert.ok(existsSync(join(origin.dataDirectory, 'global/pg_control')));

    const strange = temporaryDirectory('strange');
    writeFileSync(join(strange, 'letter'), 'mine');
    giveToUnprivileged(strange);
    await refused(strange, 'destination', /is not empty and has no global\/pg_control/);
    assert.equal(readFileSync(join(strange, 'letter'), 'utf8'), 'mine');

    await using other = await site.startOrigin({ conf: { archive_mode: 'off' }, ownSystemIdentifier: true });
    await other.stop();
    await refused(other.dataDirectory, 'refused', /belongs to the system/);
    assert.ok(existsSync(join(other.dataDirectory, 'global/pg_control')));
  });

  it('leaves a tablespace alone that is not known to be of this directory', async () => {
    const site = await createSite();
    const space = temporaryDirectory('space');
    giveToUnprivileged(space);
    await using origin = await site.startOrigin();
    await origin.query(`create tablespace fast location '${space}'`);
    await origin.query('create table spaced tablespace fast as select 1 as n');
    await backUp(site, origin);
    // A copy, in whose data directory the link is missing: the recorded directory is the origin's.
    const copy = join(temporaryDirectory('copy'), 'data');
    const own = join(temporaryDirectory('own'), 'space');
    const [row] = await origin.query<{ oid: string }>(
      "select oid::text from pg_tablespace where spcname = 'fast'",
    );
    const made = await site.walvault(['restore', copy, `--tablespace-map=${row?.oid}=${own}`]);
    assert.equal(made.exitCode, 0, made.stderr);
    rmSync(join(copy, 'pg_tblspc', row?.oid ?? ''));
    const refused = await site.walvault(['restore', copy, '--delta', '--yes']);
    assert.equal(refused.exitCode, errorCodes.refused, refused.stderr);
    assert.match(refused.stderr, /data directory's own link does not lead to it/);
    assert.deepEqual(await origin.query('select n from spaced'), [{ n: 1 }]);

    symlinkSync(own, join(copy, 'pg_tblspc', row?.oid ?? ''));
    giveToUnprivileged(join(copy, 'pg_tblspc'));
    const done = await site.walvault(['restore', copy, '--delta']);
    assert.equal(done.exitCode, 0, done.stderr);
    assert.equal(realpathSync(join(copy, 'pg_tblspc', row?.oid ?? '')), realpathSync(own));
  });
});

async function pathsOf(server: PostgresServer, names: readonly string[]): Promise<Map<string, string>> {
  const paths = new Map<string, string>();
  for (const name of names) {
    const [row] = await server.query<{ path: string }>('select pg_relation_filepath($1) as path', [name]);
    paths.set(name, row?.path ?? '');
  }
  return paths;
}

/** Damages the directory, and plants what must not be followed. */
function plant({ dataDirectory }: PostgresServer, paths: ReadonlyMap<string, string>) {
  const at = (name: string) => join(dataDirectory, paths.get(name) ?? '');
  const outside = temporaryDirectory('outside');
  const bait = join(outside, 'bait');
  writeFileSync(bait, 'bait');
  // One of them is made of two backups.
  for (const name of ['flipped', 'remade']) {
    const flipped = openSync(at(name), 'r+');
    writeSync(flipped, Buffer.from('flip'), 0, 4, 3 * 8192 + 4000);
    closeSync(flipped);
  }
  rmSync(at('removed'));
  const spaced = openSync(at('spaced'), 'a');
  writeSync(spaced, Buffer.alloc(8192));
  closeSync(spaced);
  // Links in the place of a file and of a directory, a pipe, a directory in the place of a file, and things of nobody's.
  rmSync(join(dataDirectory, 'PG_VERSION'));
  writeFileSync(join(outside, 'PG_VERSION'), `${majorIn(dataDirectory)}\n`);
  symlinkSync(join(outside, 'PG_VERSION'), join(dataDirectory, 'PG_VERSION'));
  renameSync(join(dataDirectory, 'pg_xact'), join(outside, 'pg_xact'));
  symlinkSync(join(outside, 'pg_xact'), join(dataDirectory, 'pg_xact'));
  const hba = join(dataDirectory, 'pg_hba.conf');
  rmSync(hba);
  mkdirSync(join(hba, 'deep'), { recursive: true });
  symlinkSync(outside, join(hba, 'deep', 'link'));
  symlinkSync(outside, join(dataDirectory, 'base', 'link'));
  symlinkSync(bait, join(dataDirectory, 'global', '99999'));
  mkdirSync(join(dataDirectory, 'base', '99999'));
  writeFileSync(join(dataDirectory, 'base', '99999', '1259'), 'no database');
  const pipe = join(dataDirectory, 'pg_ident.conf');
  rmSync(pipe);
  execFileSync('mkfifo', [pipe]);
  giveToUnprivileged(dataDirectory);
  giveToUnprivileged(outside);
  // Not UTF-8.
  writeFileSync(Buffer.concat([Buffer.from(join(dataDirectory, 'base', 'odd')), Buffer.from([0xff])]), '');
  const outsideBefore = contentOf(outside);
  return {
    assertGone() {
      assert.deepEqual(contentOf(outside), outsideBefore);
      for (const path of ['base/link', 'global/99999', 'base/99999'])
        assert.equal(lstatSync(join(dataDirectory, path), { throwIfNoEntry: false }), undefined, path);
      assert.ok(readdirSync(join(dataDirectory, 'base')).every(name => /^\d+$/.test(name)));
      for (const path of ['pg_hba.conf', 'PG_VERSION', 'pg_ident.conf'])
        assert.ok(lstatSync(join(dataDirectory, path)).isFile(), path);
      assert.ok(lstatSync(join(dataDirectory, 'pg_xact')).isDirectory());
    },
  };
}

function majorIn(dataDirectory: string): string {
  const [name = ''] = readdirSync(join(dataDirectory, 'base', '1')).filter(one => one === 'PG_VERSION');
  return readFileSync(join(dataDirectory, 'base', '1', name), 'utf8').trim();
}

function contentOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .toSorted()
    .map(name => {
      const path = join(directory, name);
      return `${name} ${lstatSync(path).isFile() ? readFileSync(path).toString('base64') : ''}`;
    });
}

function identityOf(path: string) {
  const { ino, mtimeMs, ctimeMs } = statSync(path);
  return { ino, mtimeMs, ctimeMs };
}

function asideIn(dataDirectory: string): string {
  const names = readdirSync(dataDirectory).filter(name => name.startsWith('pg_wal.before-restore-'));
  assert.equal(names.length, 1, names.join(' '));
  return join(dataDirectory, names[0] ?? '');
}

/** PostgreSQL's own proof; what was moved aside is not in its manifest. */
async function verifyBut({ binDir }: PostgresServer, directory: string, aside: string): Promise<void> {
  const program = join(binDir, 'pg_verifybackup');
  if (!existsSync(program)) return;
  await runOk(program, ['--no-parse-wal', `--ignore=${basename(aside)}`, directory], { timeoutMs: 60_000 });
}
