import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { WalvaultError } from '../../src/base/errors/errors.ts';
import { Secret } from '../../src/base/secret.ts';
import { isUsedBy } from '../../src/operations/backup/resume/choose-place.ts';
import { readCatalog } from '../../src/repository/format/catalog.ts';
import { writeClaim } from '../../src/repository/format/claim.ts';
import { backupPrefix, type SystemPath } from '../../src/repository/format/layout.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { createMemoryStore } from '../../src/stores/memory/store.ts';
import { openStore } from '../../src/stores/open.ts';
import { StoreError, type Store } from '../../src/stores/store.ts';
import { flipBit } from '../support/site/flip-bit.ts';
import { startPostgres, type PostgresServer } from '../support/servers/postgres-server.ts';
import { startS3Server, type S3Server } from '../support/servers/s3/server.ts';
import {
  listKeys,
  makeRepository,
  recordingLog,
  runBackup,
  signal,
  startArchivingServer,
} from '../support/site/backup-fixtures.ts';

describe('a backup that cannot be', () => {
  let repository: Repository;
  let s3: S3Server;
  let offsite: Repository;
  let server: PostgresServer;
  let system: SystemPath;
  let stopArchiving: () => Promise<void>;

  beforeAll(async () => {
    repository = await makeRepository({ store: createMemoryStore() });
    s3 = await startS3Server();
    const { accessKeyId, secretAccessKey, url } = s3;
    const credentials = {
      accessKeyId: new Secret(accessKeyId),
      secretAccessKey: new Secret(secretAccessKey),
    };
    offsite = await makeRepository({ name: 'offsite', store: await openStore({ url, ...credentials }) });
    ({ server, system, stopArchiving } = await startArchivingServer([repository, offsite], {
      ownSystemIdentifier: true,
    }));
    await server.query('create table t as select g, md5(g::text) from generate_series(1, 20000) g');
  });
  afterAll(async () => {
    await server.stop();
    await stopArchiving();
    await offsite.store.close();
    await s3.close();
  });

  const assertNothingLeft = async (left: Repository) => {
    assert.deepEqual((await readCatalog(left, system, signal)).backups, []);
    assert.deepEqual(await listKeys(left.store, `${system.cluster}/${system.systemId}/backups/`), []);
  };
  const backupsRunning = async () => {
    const rows = await server.query(
      "select 1 from pg_stat_activity where application_name = 'walvault backup'",
    );
    return rows.length;
  };

  test('WAL that never arrives: the first missing segment is named, nothing is committed', async () => {
    const other = await makeRepository({ store: createMemoryStore(), name: 'elsewhere' });
    await assert.rejects(runBackup(server, [other], { walTimeoutMs: 1000 }), (error: unknown) => {
      assert.ok(error instanceof WalvaultError);
      assert.equal(error.code, 'wal-missing');
      assert.match(
        error.message,
        /^repository "elsewhere": 0000000100000000000000[0-9A-F]{2} did not arrive within 1.0 s/,
      );
      return true;
    });
    await assertNothingLeft(other);
    assert.equal(await backupsRunning(), 0);
  });

  test('an archive_command that fails is in the hint', async () => {
    await server.query("alter system set archive_command = 'false'");
    await server.query('select pg_reload_conf()');
    const other = await makeRepository({ store: createMemoryStore() });
    try {
      await assert.rejects(runBackup(server, [other], { walTimeoutMs: 2500 }), (error: unknown) => {
        assert.match(
          (error as WalvaultError).hint ?? '',
          /PostgreSQL's archiver has failed \d+ times, last with 0000/,
        );
        return true;
      });
    } finally {
      await server.query('alter system reset archive_command');
      await server.query('select pg_reload_conf()');
    }
  });

  test('an abort in the middle ends it on the server too and leaves nothing', async () => {
    const abort = new AbortController();
    const store = interceptPuts(createMemoryStore(), key => {
      if (key.includes('/parts/000003'))
        abort.abort(new WalvaultError('interrupted', 'interrupted by SIGTERM'));
    });
    const stopped = await makeRepository({ store });
    await assert.rejects(runBackup(server, [stopped], { signal: abort.signal, partSizeBytes: 1024 ** 2 }), {
      code: 'interrupted',
    });
    await assertNothingLeft(stopped);
    assert.equal(await backupsRunning(), 0);
  });

  test('with a secret of its own the host goes on from what was finished, whatever ended the runs before', async () => {
    const abort = new AbortController();
    let fault: (key: string) => Promise<void> | void = key => {
      if (key.includes('/index/000003'))
        abort.abort(new WalvaultError('interrupted', 'interrupted by SIGTERM'));
    };
    const { codec } = await makeRepository({ keys: { hostSecret: new Secret('0f'.repeat(32)) } });
    const store = interceptPuts(repository.store, key => fault(key));
    const repositories = [
      { ...repository, codec, store },
      { ...offsite, codec },
    ];
    const log = recordingLog();
    const take = (stop = signal) =>
      runBackup(server, repositories, { partSizeBytes: 1024 ** 2, log, signal: stop });
    const before = (await readCatalog(repository, system, signal)).backups.length;
    const damaged = await damagePage(server);

    await assert.rejects(take(abort.signal), { code: 'interrupted' });
    fault = key => {
      if (key.includes('/manifest2')) throw new StoreError('local-io', 'put: no space left on device');
    };
    await assert.rejects(take(), { message: /no space left/ });
    // Another host that cannot see this one's session.
    let piecesOfOther: string[] = [];
    fault = async key => {
      const id = /([^/]+)\/manifest3/.exec(key)?.[1];
      if (id === undefined) return;
      const other = { id, attempt: 4, host: 'db2', pid: 7, startTime: new Date() };
      for (const one of [repository, offsite]) assert.ok(await writeClaim(one, system, other, signal));
      piecesOfOther = await listKeys(offsite.store, backupPrefix(system, id));
    };
    await assert.rejects(take(), { code: 'conflict', message: /another run has gone on with backup/ });
    for (const { store: one } of [repository, offsite])
      assert.ok(new Set(await listKeys(one)).isSupersetOf(new Set(piecesOfOther)), 'it has removed nothing');
    assert.equal((await readCatalog(repository, system, signal)).backups.length, before);

    fault = () => undefined;
    const requestsBefore = s3.requests.length;
    const { record, damagedPages } = await take();
    assert.equal(record.resumed?.attempt, 5);
    const { partCount } = record.resumed;
    // The last part is always new, and so is what the server has written meanwhile.
    assert.ok(partCount >= record.parts.length / 2, `${partCount} of ${record.parts.length} parts`);
    const storedAgain = s3.requests
      .slice(requestsBefore)
      .filter(({ method, key }) => method === 'PUT' && /\/parts\/[0-3]/.test(key));
    assert.deepEqual(storedAgain, []);
    assert.deepEqual(damagedPages, [damaged.page], 'that of a part that was taken over');
    damaged.repair();
    const { backups } = await readCatalog(offsite, system, signal);
    assert.deepEqual(
      backups.map(entry => entry.record.id),
      [record.id],
    );
    const pieces = (await listKeys(offsite.store, backupPrefix(system, record.id))).map(key =>
      key.slice(backupPrefix(system, record.id).length),
    );
    assert.deepEqual(
      pieces.filter(name => !isUsedBy(record)(name)),
      [],
    );
    const said = log.events.map(({ message }) => message).join('\n');
    assert.match(
      said,
      /was not completed: nothing of it was committed[^]*attempt 2 of[^]*was not completed[^]*attempt 3 of[^]*attempt 5 of/,
    );
  });

  test('a store that fails for a moment costs one part made again, under the next number', async () => {
    let failures = 0;
    const store = interceptPuts(repository.store, key => {
      if (key.includes('/parts/000002') && failures++ === 0)
        throw new StoreError('unreachable', 'put: connection reset');
    });
    const log = recordingLog();
    const { record } = await runBackup(server, [{ ...repository, store }], {
      log,
      partSizeBytes: 8 * 1024 ** 2,
    });
    assert.deepEqual(Array.from(record.parts, ({ number }) => number).slice(0, 2), [1, 3]);
    assert.match(
      log.events.find(event => event.level === 'warn')?.message ?? '',
      /is made again: put: connection reset/,
    );
  });

  test('a best-effort repository that fails is left out, a named one is not', async () => {
    const broken = await makeRepository({
      name: 'broken',
      required: false,
      store: interceptPuts(createMemoryStore(), key => {
        if (key.includes('/parts/')) throw new StoreError('denied', 'put: access denied');
      }),
    });
    const result = await runBackup(server, [repository, broken]);
    assert.deepEqual(result.repositories, ['main']);
    await assertNothingLeft(broken);
    await assert.rejects(runBackup(server, [repository, broken], { named: ['broken'] }), { code: 'denied' });
    await assert.rejects(runBackup(server, [repository], { named: ['nowhere'] }), { code: 'usage' });
  });

  test('a repository without a marker is refused before anything is written', async () => {
    const store = createMemoryStore();
    await assert.rejects(runBackup(server, [{ ...repository, store }]), { code: 'not-a-repository' });
    assert.deepEqual(await listKeys(store), []);
  });

  test('another data directory than the one of the server is refused', async () => {
    const other = await startPostgres({ ownSystemIdentifier: true });
    const twin = await startPostgres({ start: false, conf: {} });
    try {
      await assert.rejects(runBackup(server, [repository], { dataDirectory: other.dataDirectory }), {
        code: 'refused',
        message: /belongs to system \d+, the server is of system \d+/,
      });
      await assert.rejects(runBackup(server, [repository], { dataDirectory: '/nowhere/at/all' }), {
        code: 'local-io',
      });
      await assert.rejects(runBackup(other, [repository]), {
        code: 'postgres',
        message: /archive_mode is off/,
      });
    } finally {
      await other.stop();
      await twin.stop();
    }
  });

  test('a copy of the data directory is refused, though it has the same system identifier', async () => {
    const source = await startPostgres({ conf: { archive_mode: 'on', archive_command: "'true'" } });
    const stopped = await startPostgres({ start: false });
    const running = await startPostgres();
    try {
      const refusal = (directory: PostgresServer) =>
        runBackup(source, [repository], { dataDirectory: directory.dataDirectory });
      await assert.rejects(refusal(stopped), {
        code: 'refused',
        message: /no server runs in this data directory/,
      });
      await assert.rejects(refusal(running), {
        code: 'refused',
        message: /its server has port \d+, the connection is to port/,
      });
    } finally {
      await source.stop();
      await running.stop();
    }
  });

  test('a damaged page is found, named and counted, and the backup is kept', async () => {
    const damaged = await damagePage(server);
    const { path } = damaged.page;
    const log = recordingLog();
    const { record, damagedPages } = await runBackup(server, [repository], { log });
    assert.deepEqual(damagedPages, [damaged.page]);
    assert.equal(record.damagedPages, 1);
    const warning = log.events.find(event => event.level === 'warn');
    assert.match(warning?.message ?? '', new RegExp(`^damaged page: ${path}, page 3`));
    const { backups } = await readCatalog(repository, system, signal);
    assert.equal(backups.find(entry => entry.record.id === record.id)?.record.damagedPages, 1);
    damaged.repair();
  });
});

/** A page of table `t`, on disk. */
async function damagePage(server: PostgresServer) {
  const [row] = await server.query<{ path: string }>("select pg_relation_filepath('t') as path");
  await server.query('checkpoint');
  const page = { path: row?.path ?? '', page: 3 };
  const flip = () => flipBit(join(server.dataDirectory, page.path), page.page * 8192 + 4000);
  flip();
  return { page, repair: flip };
}

/** Sees each key before it is written, and may throw. */
function interceptPuts(store: Store, onPut: (key: string) => Promise<void> | void): Store {
  return {
    url: store.url,
    capabilities: store.capabilities,
    put: async (key, body, options) => {
      await onPut(key);
      options.signal.throwIfAborted();
      await store.put(key, body, options);
    },
    get: (key, options) => store.get(key, options),
    head: (key, options) => store.head(key, options),
    list: options => store.list(options),
    delete: (keys, options) => store.delete(keys, options),
    close: () => store.close(),
  };
}
