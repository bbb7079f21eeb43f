import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { Secret } from '../../src/base/secret.ts';
import { startBackup, stopBackup } from '../../src/postgres/server/backup-control.ts';
import { parseBackupLabel } from '../../src/postgres/cluster/backup-label.ts';
import { readControlFile } from '../../src/postgres/cluster/control-file.ts';
import { connectPostgres, type PgConnection } from '../../src/postgres/server/connection.ts';
import { readArchiver } from '../../src/postgres/server/archiver.ts';
import { readServerState, switchWal } from '../../src/postgres/server/state.ts';
import { startPostgres, type PostgresServer } from '../support/servers/postgres-server.ts';
import { makeCertificates } from '../support/servers/certificates.ts';
import { freePort } from '../support/servers/ports.ts';
import { until } from '../support/site/site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';

const signal = new AbortController().signal;

describe('a session with a real server', () => {
  let server: PostgresServer;
  let home: string;
  let tcp: Record<string, string>;

  beforeAll(async () => {
    server = await startPostgres({
      conf: {
        listen_addresses: "'127.0.0.1'",
        wal_level: 'replica',
        archive_mode: 'on',
        archive_command: "'true'",
      },
    });
    home = temporaryDirectory('home', { keepOwner: true });
    await server.query(
      `set password_encryption = 'scram-sha-256'; create role locked login password 'se:cret'`,
    );
    const hba = join(server.dataDirectory, 'pg_hba.conf');
    writeFileSync(hba, 'local all all trust\nhost all locked 127.0.0.1/32 scram-sha-256\n');
    await server.query('select pg_reload_conf()');
    tcp = {
      PGHOST: '127.0.0.1',
      PGPORT: String(server.port),
      PGUSER: 'locked',
      PGDATABASE: 'postgres',
      HOME: home,
    };
  });
  afterAll(async () => {
    await server.stop();
  });

  test('through a socket directory, with text for values and no time limits', async () => {
    await server.query(`alter role postgres set statement_timeout = '1s'`);
    await withSession(server.env, async connection => {
      const rows = await connection.query(
        `select 1 as one, true as yes, null as none, $1::text as given, current_setting('application_name') as name,
           current_setting('statement_timeout') as limit`,
        ['x'],
      );
      assert.deepEqual(rows, [{ one: '1', yes: 't', none: null, given: 'x', name: 'walvault', limit: '0' }]);
      const [version] = await server.query<{ n: string }>(
        `select current_setting('server_version_num') as n`,
      );
      assert.equal(String(connection.serverVersion), version?.n);
    });
    await server.query(`alter role postgres reset statement_timeout`);
  });

  test('by a URI, by keywords, by a service, with a password file', async () => {
    const user = async (connectionString: string | undefined, env: NodeJS.ProcessEnv) => {
      const connection = await connectPostgres({
        signal,
        env,
        ...(connectionString === undefined ? {} : { connectionString: new Secret(connectionString) }),
      });
      const [row] = await connection.query<{ user: string }>('select current_user as user');
      await connection.close();
      return row?.user;
    };
    const directory = encodeURIComponent(server.socketDirectory);
    assert.equal(await user(`postgresql://postgres@${directory}:${server.port}/postgres`, {}), 'postgres');
    assert.equal(
      await user(`host='${server.socketDirectory}' port=${server.port} user=postgres dbname=postgres`, {}),
      'postgres',
    );
    const services = join(home, '.pg_service.conf');
    writeFileSync(
      services,
      `[other]\nhost=/nowhere\n\n# ours\n[main]\nhost=127.0.0.1\nport=${server.port}\nuser=locked\ndbname=postgres\n`,
    );
    const passwords = join(home, '.pgpass');
    writeFileSync(passwords, `*:1:*:*:wrong\n127.0.0.1:${server.port}:*:locked:se\\:cret\n`);
    chmodSync(passwords, 0o600);
    assert.equal(await user(undefined, { HOME: home, PGSERVICE: 'main' }), 'locked');
    assert.equal(await user('service=main', { HOME: home, PGUSER: 'nobody' }), 'locked');
    chmodSync(passwords, 0o644);
    await assert.rejects(user('service=main', { HOME: home }), /asks for a password for user "locked"/);
  });

  test('each failure is one line with a hint', async () => {
    const fails = async (env: NodeJS.ProcessEnv, message: RegExp, hint: RegExp) => {
      await assert.rejects(
        connectPostgres({ signal, env }),
        (error: Error & { code: string; hint: string }) => {
          assert.equal(error.code, 'postgres');
          assert.match(error.message, message);
          assert.ok(!error.message.includes('\n'));
          assert.match(error.hint, hint);
          return true;
        },
      );
    };
    const nobody = String(await freePort());
    await fails({ ...tcp, PGPORT: nobody }, /at 127\.0\.0\.1:\d+: connection refused$/, /server running/);
    await fails({ ...server.env, PGPORT: nobody }, /no server has a socket there$/, /PGHOST/);
    await fails({ ...server.env, PGDATABASE: 'gone' }, /there is no database "gone"/, /PGDATABASE/);
    await fails({ ...tcp, HOME: '/nonexistent' }, /asks for a password for user "locked"/, /\.pgpass/);
    await fails({ ...tcp, PGPASSWORD: 'wrong' }, /wrong password for user "locked"/, /\.pgpass/);
    await fails({ ...tcp, PGUSER: 'stranger' }, /no pg_hba\.conf entry/, /pg_hba\.conf decides/);
    await fails({ ...tcp, PGPASSWORD: 'se:cret', PGSSLMODE: 'require' }, /does not support SSL/, /./);
    await assert.rejects(
      withSession({ ...tcp, PGPASSWORD: 'se:cret' }, connection =>
        startBackup(connection, { label: 'x', fast: true }),
      ),
      { code: 'postgres', message: /permission denied for function/, hint: /superuser/ },
    );
  });

  test('several hosts are tried in order', async () => {
    const env = { ...server.env, PGHOST: `/nonexistent,${server.socketDirectory}` };
    assert.deepEqual(await withSession(env, connection => connection.query('select 1 as one')), [
      { one: '1' },
    ]);
  });

  test('an aborted signal ends a running statement', async () => {
    const controller = new AbortController();
    const connection = await connectPostgres({ signal: controller.signal, env: server.env });
    const [row] = await connection.query<{ pid: string }>('select pg_backend_pid() as pid');
    const running = connection.query('select pg_sleep(600)');
    setTimeout(() => controller.abort(new Error('enough')), 50);
    await assert.rejects(running, /enough/);
    await assert.rejects(connection.query('select 1'), /enough/);
    await server.query('select pg_terminate_backend($1)', [row?.pid]);
  });

  test('a lost server is an error of the next statement, not a crash', async () => {
    const connection = await connectPostgres({ signal, env: server.env });
    const [row] = await connection.query<{ pid: string }>('select pg_backend_pid() as pid');
    await server.query('select pg_terminate_backend($1)', [row?.pid]);
    await assert.rejects(connection.query('select 1'), { code: 'postgres' });
    await connection.close();
  });

  test('a backup is started and stopped, and its label parses', async () => {
    await withSession(server.env, async connection => {
      const before = BigInt(Date.now()) * 1000n - 60_000_000n;
      const started = await startBackup(connection, { label: 'nightly one', fast: true });
      assert.equal(started.timeline, 1);
      assert.equal(started.isStandby, false);
      const stopped = await stopBackup(connection);
      const label = parseBackupLabel(stopped.labelFile);
      assert.equal(label.startLsn, started.startLsn);
      assert.equal(label.startTimeline, 1);
      assert.equal(label.label, 'nightly one');
      assert.equal(label.backupFrom, 'primary');
      assert.ok(label.checkpointLsn >= label.startLsn);
      assert.ok(stopped.stopLsn > started.startLsn);
      assert.equal(stopped.stopTimeline, 1);
      assert.equal(stopped.tablespaceMap, undefined);
      assert.ok(before < started.startTimeMicros && started.startTimeMicros <= stopped.stopTimeMicros);
    });
  });

  test('the state of the WAL, and a switch, name the right segments', async () => {
    await withSession(server.env, async connection => {
      const state = await readServerState(connection);
      const control = await readControlFile(server.dataDirectory);
      assert.equal(state.systemId, control.systemId);
      assert.equal(state.geometry.segmentSizeBytes, control.geometry.segmentSizeBytes);
      assert.equal(state.isStandby, false);
      assert.equal(state.archiveMode, 'on');
      assert.equal(state.archiveCommand, 'true');
      assert.equal(state.walLevel, 'replica');
      assert.equal(state.dataDirectory, server.dataDirectory);
      const [row] = await connection.query<{ name: string }>(
        'select pg_walfile_name(pg_current_wal_insert_lsn()) as name',
      );
      const first = await switchWal(connection, state, 'one');
      assert.equal(first, row?.name);
      assert.ok((await switchWal(connection, state, 'two')) > first);
    });
  });
});

test('with TLS as the options demand it: bound, verified, by certificate', async () => {
  const { caFile, certFile, keyFile, cert, key } = makeCertificates();
  await using server = await startPostgres({
    conf: {
      ssl: 'on',
      ssl_cert_file: `'${certFile}'`,
      ssl_key_file: `'${keyFile}'`,
      ssl_ca_file: `'${caFile}'`,
    },
  });
  await server.query(`set password_encryption = 'scram-sha-256'; create role locked login password 'secret'`);
  await server.query('create role store login');
  writeFileSync(
    join(server.dataDirectory, 'pg_hba.conf'),
    'local all all trust\nhostssl all locked all scram-sha-256\nhostssl all store all cert\n',
  );
  await server.query('select pg_reload_conf()');
  const home = temporaryDirectory('home', { keepOwner: true });
  mkdirSync(join(home, '.postgresql'));
  const place = `host=127.0.0.1 port=${server.port} dbname=postgres sslmode=verify-full sslrootcert=${caFile}`;
  const asks = async (options: string) =>
    withSession(
      { HOME: home },
      async connection => {
        const [row] = await connection.query<{ version: string }>(
          `select current_user || ' ' || version as version from pg_stat_ssl where pid = pg_backend_pid()`,
        );
        return row?.version;
      },
      `${place} ${options}`,
    );
  const locked = 'user=locked password=secret';
  assert.equal(
    await asks(
      `${locked} channel_binding=require require_auth=scram-sha-256 ssl_max_protocol_version=TLSv1.2`,
    ),
    'locked TLSv1.2',
  );
  assert.equal(await asks(`${locked} channel_binding=disable require_auth=!md5`), 'locked TLSv1.3');
  await assert.rejects(asks(`${locked} require_auth=none`), {
    message: /it asks for SCRAM, and require_auth=none/,
  });
  await assert.rejects(asks('user=store'), { message: /certificate/ });
  writeFileSync(join(home, '.postgresql', 'postgresql.crt'), cert);
  writeFileSync(join(home, '.postgresql', 'postgresql.key'), key, { mode: 0o644 });
  await assert.rejects(asks('user=store'), {
    code: 'config',
    message: /postgresql\.key can be read by others/,
  });
  chmodSync(join(home, '.postgresql', 'postgresql.key'), 0o600);
  assert.equal(await asks('user=store'), 'store TLSv1.3');
  await assert.rejects(asks('user=store sslcertmode=disable'), { message: /certificate/ });
});

test('a backup of a standby says so and knows its timeline', async () => {
  const primary = await startPostgres();
  await primary.stop();
  writeFileSync(join(primary.dataDirectory, 'standby.signal'), '');
  await primary.start();
  const connection = await connectPostgres({ signal, env: primary.env });
  try {
    const state = await readServerState(connection);
    assert.equal(state.isStandby, true);
    const started = await startBackup(connection, { label: 'of a standby', fast: true });
    assert.equal(started.isStandby, true);
    const stopped = await stopBackup(connection);
    assert.equal(parseBackupLabel(stopped.labelFile).backupFrom, 'standby');
    assert.equal(stopped.stopTimeline, 1);
  } finally {
    await connection.close();
    await primary.stop();
  }
});

test('the archiver says what it has archived, and whether the last failure is over', async () => {
  await using server = await startPostgres({ conf: { archive_mode: 'on', archive_command: 'false' } });
  await withSession(server.env, async connection => {
    const state = await readServerState(connection);
    assert.equal((await readArchiver(connection)).lastFailure, undefined);
    const segment = await switchWal(connection, state, 'one');
    await until('a failure', async () => (await readArchiver(connection)).lastFailure !== undefined);
    const failing = await readArchiver(connection);
    assert.equal(failing.lastFailure?.wal, segment);
    assert.equal(failing.lastFailure.isNewest, true);
    assert.ok(failing.failedCount > 0);
    assert.equal(failing.archivedCount, 0);
    assert.equal(failing.lastArchivedWal, undefined);
    await connection.query("alter system set archive_command = 'true'");
    await connection.query('select pg_reload_conf()');
    await until('an archived segment', async () => (await readArchiver(connection)).archivedCount > 0);
    const working = await readArchiver(connection);
    assert.equal(working.lastArchivedWal, segment);
    assert.equal(working.lastFailure?.isNewest, false);
  });
});

async function withSession<T>(
  env: NodeJS.ProcessEnv,
  work: (connection: PgConnection) => Promise<T>,
  connectionString?: string,
): Promise<T> {
  const connection = await connectPostgres({
    signal,
    env,
    ...(connectionString !== undefined && { connectionString: new Secret(connectionString) }),
  });
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}
