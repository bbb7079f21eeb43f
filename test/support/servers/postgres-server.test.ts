/** The tests of the PostgreSQL server for tests. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { embeddedBinaries, findPostgresBinaries, requireInstalled } from './postgres-binaries.ts';
import { runLoad } from '../site/load.ts';
import { startPostgres } from './postgres-server.ts';
import { runOk } from '../site/run.ts';

test('a server starts, takes a load, survives a crash and stops', async () => {
  await using server = await startPostgres({ binDir: findPostgresBinaries() });
  assert.equal(await runLoad(server, { clients: 2, transactions: 20 }), 40);
  await server.stop('kill');
  assert.equal(server.pid, undefined);
  await server.start();
  assert.deepEqual(await server.query('select count(*)::int as n from ledger'), [{ n: 40 }]);
  const exit = await server.stop();
  assert.deepEqual(exit, { exitCode: 0, signal: null });
  assert.equal(existsSync(join(server.dataDirectory, 'postmaster.pid')), false);
});

test("npm's PostgreSQL works too, with a segment size and a system identifier of its own", async () => {
  const binDir = embeddedBinaries();
  requireInstalled(binDir);
  await using first = await startPostgres({ binDir, initdbArgs: ['--wal-segsize=1'] });
  await using second = await startPostgres({ binDir, ownSystemIdentifier: true });
  assert.deepEqual(await first.query('show wal_segment_size'), [{ wal_segment_size: '1MB' }]);
  const sql = 'select system_identifier::text as id from pg_control_system()';
  assert.notDeepEqual(await first.query(sql), await second.query(sql));
});

test('a server that cannot start says why', async () => {
  await assert.rejects(
    startPostgres({ conf: { wal_level: 'nonsense' } }),
    /invalid value for parameter "wal_level"/,
  );
});

test('a server that nobody stops keeps no process, and ends with it', async () => {
  const harness = JSON.stringify(new URL('postgres-server.ts', import.meta.url));
  const script = `
    import { startPostgres } from ${harness};
    const { dataDirectory } = await startPostgres();
    console.log(dataDirectory);
  `;
  const { stdout } = await runOk(process.execPath, ['--input-type=module', '--eval', script], {
    as: 'self',
    timeoutMs: 120_000,
  });
  assert.match(stdout, /^\/.*\/data\n$/);
  assert.equal(existsSync(stdout.trim()), false);
});
