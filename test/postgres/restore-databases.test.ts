/** What `restore --database` writes, and what ends it; `test/e2e/restore-databases.test.ts` has what comes back. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { errorCodes } from '../../src/base/errors/errors.ts';
import { backUp, newDirectory } from '../support/site/cycle.ts';
import { freePort } from '../support/servers/ports.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { runOk, type RunOptions } from '../support/site/run.ts';
import { archiveEverything, createSite, until, type Site } from '../support/site/site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';

type Started = Parameters<NonNullable<RunOptions['onStart']>>[0];

describe('one database of two', () => {
  let site: Site;
  let origin: PostgresServer;
  /** `base/<oid>/<file>` of a table in each of them. */
  const paths = { kept: '', gone: '' };

  beforeAll(async () => {
    site = await createSite();
    const sockets = temporaryDirectory('sockets');
    giveToUnprivileged(sockets);
    origin = await site.startOrigin({
      initdbArgs: ['--wal-segsize=16'],
      conf: { unix_socket_directories: `'${sockets}'`, full_page_writes: 'off' },
    });
    for (const database of ['kept', 'gone'] as const) {
      await origin.query(`create database ${database}`);
      const client = await origin.connect(database);
      await client.query(
        "create table facts as select n, repeat('f', 900) as body from generate_series(1, 8000) n",
      );
      const { rows } = await client.query<{ path: string }>("select pg_relation_filepath('facts') as path");
      paths[database] = rows[0]?.path ?? '';
      await client.end();
    }
    await backUp(site, origin);
    await origin.query('create database later');
    // The last page alone: replay must not fill what is before it.
    for (const database of ['kept', 'gone']) {
      const client = await origin.connect(database);
      await client.query('checkpoint');
      await client.query("update facts set body = 'changed' where n = 8000");
      await client.query('vacuum full pg_class');
      await client.end();
    }
    await archiveEverything(origin);
  });
  afterAll(async () => {
    await origin.stop('immediate');
  });

  /** Restores, runs `hook` in the data directory before the server recovers, and starts it. */
  async function startedWith(
    hook: string,
    onStart?: (child: Started & { readonly directory: string }) => void,
  ) {
    const directory = newDirectory();
    const programs = temporaryDirectory('programs');
    writeFileSync(
      join(programs, 'pg_ctl'),
      `#!/bin/sh
case "$*" in *ignore_invalid_pages*) cd ${directory} || exit 1; ${hook};; esac
exec ${origin.binDir}/pg_ctl "$@"
`,
      { mode: 0o755 },
    );
    symlinkSync(join(origin.binDir, 'postgres'), join(programs, 'postgres'));
    giveToUnprivileged(programs);
    const start = ['--start', '--pg-bin', programs, '--port', String(await freePort())];
    const done = await site.walvault(['restore', directory, '--database', 'kept', ...start], {
      timeoutMs: 120_000,
      ...(onStart && { onStart: child => onStart({ ...child, directory }) }),
    });
    const stop = () =>
      runOk(join(origin.binDir, 'pg_ctl'), ['stop', '-w', '-m', 'immediate', '-D', directory]);
    return { directory, done, stop };
  }

  it('what is left out takes no space, before its WAL and after it, and its relation map is empty', async () => {
    const { directory, done, stop } = await startedWith(
      `stat -c '%n %s %b' ${paths.gone} ${paths.kept} base/*/pg_filenode.map > before; ls > names`,
    );
    assert.equal(done.exitCode, 0, done.stderr);
    await stop();
    const before = new Map(
      readFileSync(join(directory, 'before'), 'utf8')
        .trim()
        .split('\n')
        .map(line => {
          const [path = '', size, blocks] = line.split(' ');
          return [path, { size: Number(size), blocks: Number(blocks) }];
        }),
    );
    const file = join(directory, paths.gone);
    const map = join(dirname(paths.gone), 'pg_filenode.map');
    const whole = statSync(join(origin.dataDirectory, paths.gone)).size;
    assert.deepEqual(before.get(paths.gone), { size: whole, blocks: 0 });
    assert.deepEqual(before.get(map), { size: 0, blocks: 0 });
    assert.ok((before.get(paths.kept)?.blocks ?? 0) * 512 >= whole);
    assert.doesNotMatch(readFileSync(join(directory, 'names'), 'utf8'), /backup_manifest/);
    assert.ok(statSync(file).blocks * 512 < whole / 20, `${statSync(file).blocks} blocks`);
    // WAL had moved pg_class, and written the map anew.
    assert.equal(statSync(join(directory, map)).size, 0);
  });

  it('a page of a restored database that its WAL changes and that is not there ends it', async () => {
    const { directory, done } = await startedWith(`truncate -s 8192 ${paths.kept}`);
    assert.equal(done.exitCode, errorCodes.damaged, done.stderr);
    assert.match(
      done.stderr,
      new RegExp(`^walvault: .*outside the databases that were left out: page \\d+ of ${paths.kept}`, 'm'),
    );
    assert.match(done.stderr, /^HINT: +Do not trust /m);
    assert.doesNotMatch(done.stdout, /Start PostgreSQL/);
    assert.ok(!existsSync(join(directory, 'postmaster.pid')));
  });

  it('an interruption leaves no server that nobody can connect to', async () => {
    let interrupted: Promise<void> | undefined;
    const { directory, done } = await startedWith(
      `sed -i "s/^restore_command = .*/restore_command = 'sleep 60'/" postgresql.auto.conf`,
      ({ kill, directory }) => {
        const isStarting = () => existsSync(join(directory, 'postmaster.pid'));
        interrupted = until('the server recovers', isStarting, 60_000).then(() => kill('SIGINT'));
      },
    );
    await interrupted;
    assert.equal(done.exitCode, errorCodes.interrupted, done.stderr);
    assert.ok(!existsSync(join(directory, 'postmaster.pid')));
    assert.ok(!existsSync(join(directory, 'postmaster.opts')));
  });

  it('a database that the backup does not know is refused before anything is written', async () => {
    const directory = newDirectory();
    const done = await site.walvault(['restore', directory, '--database', 'later', '--start']);
    assert.equal(done.exitCode, errorCodes['not-found'], done.stderr);
    assert.match(done.stderr, /^walvault: backup \S+ has no database "later"$/m);
    assert.match(
      done.stderr,
      /^HINT: +It has template1, template0, postgres, kept, gone\. It does not know/m,
    );
    assert.ok(!existsSync(directory) || readdirSync(directory).length === 0);
  });

  it('a dry run says what comes back and what does not', async () => {
    const done = await site.walvault(['restore', newDirectory(), '--database', 'kept', '--dry-run']);
    assert.equal(done.exitCode, 0, done.stderr);
    assert.match(done.stdout, /^ {2}databases +template1, template0, postgres, kept$/m);
    assert.match(done.stdout, /^ {2}placeholders +gone$/m);
  });
});
