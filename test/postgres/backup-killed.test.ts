import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { readCatalog } from '../../src/repository/format/catalog.ts';
import type { SystemPath } from '../../src/repository/format/layout.ts';
import type { Repository } from '../../src/repository/repository.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { bareEnvironment, run, type RunResult } from '../support/site/run.ts';
import { flipBit } from '../support/site/flip-bit.ts';
import {
  cluster,
  listKeys,
  makeRepository,
  signal,
  startArchivingServer,
  until,
} from '../support/site/backup-fixtures.ts';

const main = join(import.meta.dirname, '../../src/main.ts');

/** As processes, because only a process can be killed. */
describe('walvault backup', () => {
  let repository: Repository;
  let server: PostgresServer;
  let system: SystemPath;
  let stopArchiving: () => Promise<void>;

  beforeAll(async () => {
    repository = await makeRepository();
    ({ server, system, stopArchiving } = await startArchivingServer([repository], {
      ownSystemIdentifier: true,
    }));
    await server.query(
      'create table t as select g, repeat(md5(g::text), 20) from generate_series(1, 100000) g',
    );
  });
  afterAll(async () => {
    await server.stop();
    await stopArchiving();
  });

  const start = (
    args: readonly string[],
    onStart?: (child: { kill(signal: NodeJS.Signals): void }) => void,
  ) =>
    run(process.execPath, [main, 'backup', '--fast', ...args], {
      as: 'self',
      env: {
        ...bareEnvironment,
        ...server.env,
        WALVAULT_CONFIG: '',
        WALVAULT_CLUSTER: cluster,
        WALVAULT_REPOSITORY_URL: repository.store.url,
        WALVAULT_ENCRYPTION_MODE: 'none',
        WALVAULT_BACKUP_PART_SIZE: '1MiB',
      },
      ...(onStart && { onStart }),
    });

  /** Sends the signal as soon as the backup has written its third part. */
  const startAndSend = async (sent: NodeJS.Signals): Promise<RunResult> => {
    const backups = join(
      repository.store.url.replace(/^file:\/\//, ''),
      cluster,
      String(system.systemId),
      'backups',
    );
    const before = new Set(existsSync(backups) ? readdirSync(backups) : []);
    let send: () => void = () => undefined;
    const running = start([], child => {
      send = () => child.kill(sent);
    });
    await until(() => {
      const id = (existsSync(backups) ? readdirSync(backups) : []).find(name => !before.has(name));
      return id !== undefined && existsSync(join(backups, id, 'parts', '000003.tar.zst'));
    }, 'three parts');
    send();
    return running;
  };
  const pieces = () => listKeys(repository.store, `${cluster}/${system.systemId}/backups/`);
  const committed = async () => (await readCatalog(repository, system, signal)).backups;

  test('ended by SIGTERM it says so, and takes its pieces away', async () => {
    const result = await startAndSend('SIGTERM');
    assert.equal(result.exitCode, 18, result.stderr);
    assert.match(result.stderr, /was not completed: nothing of it was committed/);
    assert.doesNotMatch(result.stderr, /\n\s+at /);
    assert.deepEqual(await pieces(), []);
    assert.deepEqual(await committed(), []);
  });

  test('killed it leaves pieces, but nothing that counts as a backup, and the next one succeeds', async () => {
    const killed = await startAndSend('SIGKILL');
    assert.equal(killed.signal, 'SIGKILL');
    const left = await pieces();
    assert.ok(left.some(key => key.endsWith('/claim.json')));
    assert.deepEqual(await committed(), []);

    const next = await start(['--label', 'after all', '--json']);
    assert.equal(next.exitCode, 0, next.stderr);
    const shown = JSON.parse(next.stdout) as { record: { id: string } };
    const [entry, ...others] = await committed();
    assert.deepEqual(others, []);
    assert.equal(entry?.record.id, shown.record.id);
    assert.equal(entry?.record.label, 'after all');
    assert.deepEqual(
      (await pieces()).filter(key => left.includes(key)),
      left,
    );
  });

  test('for people it prints what was made', async () => {
    const result = await start([]);
    assert.equal(result.exitCode, 0, result.stderr);
    assert.match(
      result.stdout,
      /^backup \d{8}T\d{6}Z-full-[0-9a-f]{6}\n {2}size .* files, stored in .* to 1\)\n {2}WAL {7}[0-9A-F]{24}/,
    );
  });

  test('with damaged pages it is kept, each named in its order whatever the threads, and the exit status tells', async () => {
    const [row] = await server.query<{ path: string }>("select pg_relation_filepath('t') as path");
    await server.query('checkpoint');
    const path = row?.path ?? '';
    for (const page of [3, 1000]) flipBit(join(server.dataDirectory, path), page * 8192 + 4000);
    const { exitCode, stdout, stderr } = await start([
      '--jobs',
      '3',
      '--limit-rate',
      '1GiB',
      '--low-priority',
      '--json',
    ]);
    for (const page of [3, 1000]) flipBit(join(server.dataDirectory, path), page * 8192 + 4000);
    assert.equal(exitCode, 16, stderr);
    const { record, damagedPages, traffic } = JSON.parse(stdout) as {
      record: { id: string; damagedPages: number; parts: { storedSizeBytes: number }[] };
      damagedPages: unknown;
      traffic: { sentBytes: number }[];
    };
    assert.deepEqual(damagedPages, [
      { path, page: 3 },
      { path, page: 1000 },
    ]);
    assert.match(stderr, new RegExp(`damaged page: ${path}, page 1000`));
    const entry = (await committed()).find(each => each.record.id === record.id);
    assert.equal(entry?.record.damagedPages, 2);
    assert.deepEqual(entry.record.namedDamagedPages, damagedPages);
    const storedBytes = record.parts.reduce((sum, { storedSizeBytes }) => sum + storedSizeBytes, 0);
    assert.ok((traffic[0]?.sentBytes ?? 0) > storedBytes, 'what the threads sent is counted');
  });

  test('--fast and --spread exclude each other', async () => {
    const result = await start(['--spread']);
    assert.equal(result.exitCode, 2);
  });
});
