import assert from 'node:assert/strict';
import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { silentLog } from '../support/logs.ts';
import { Secret } from '../../src/base/secret.ts';
import { openRepositories } from '../../src/compose/open-repositories.ts';
import { loadConfig } from '../../src/config/index.ts';
import { postgresqlLines } from '../../src/operations/init/postgresql-lines.ts';
import { check } from '../../src/operations/check/check.ts';
import type { CheckLine } from '../../src/operations/check/checklist.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { createSite, type Site } from '../support/site/site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';

const signal = new AbortController().signal;

interface Run {
  readonly timeoutMs?: number;
  readonly withPrivateKey?: boolean;
  readonly server?: PostgresServer;
  readonly user?: string;
  readonly env?: Readonly<Record<string, string>>;
}

describe('check on a real server that archives through the executable', () => {
  let site: Site;
  let server: PostgresServer;

  beforeAll(async () => {
    site = await createSite();
    server = await site.startOrigin({ conf: { archive_timeout: '60s' } });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  async function runCheck({
    timeoutMs = 30_000,
    withPrivateKey = false,
    user = 'postgres',
    env,
    ...rest
  }: Run = {}): Promise<CheckLine[]> {
    const { env: serverEnv } = rest.server ?? server;
    const { config, path, secretFiles } = await loadConfig({ path: site.configPath, env: { ...env } });
    await using opened = await openRepositories(config, silentLog);
    return [
      ...(await check({
        config: {
          ...config,
          postgres: { ...config.postgres, connection: connectionString(serverEnv, user) },
        },
        configPath: path,
        secretFiles,
        repositories: opened.repositories,
        privateKey: withPrivateKey ? { path: site.privateKeyPath, passphrase: undefined } : undefined,
        withPostgres: true,
        timeoutMs,
        env: {},
        now: new Date(),
        onLine: () => undefined,
        log: silentLog,
        signal,
      })),
    ];
  }

  const failed = (lines: readonly CheckLine[]) => lines.filter(({ status }) => status === 'fail');
  const says = (lines: readonly CheckLine[], status: CheckLine['status'], pattern: RegExp) =>
    assert.ok(
      lines.some(line => line.status === status && pattern.test(line.message)),
      `${pattern} as ${status} in\n${lines.map(line => `${line.status} ${line.message}`).join('\n')}`,
    );

  it('a segment is ended, arrives, and is opened with the private key alone', async () => {
    const lines = await runCheck({ withPrivateKey: true });
    assert.deepEqual(failed(lines), []);
    says(lines, 'ok', /connected to PostgreSQL \d+\.\d+, a primary of system \d+ on timeline 1/);
    says(lines, 'ok', /archive_command is .*push %p/);
    says(lines, 'ok', /data directory .* is this server's/);
    says(lines, 'ok', /the server ended segment 0000000100000000/);
    says(lines, 'ok', /0000000100000000\w+ arrived in repository/);
    says(lines, 'ok', /read back from repository "\w+", is byte for byte what lies in pg_wal/);
    says(lines, 'ok', /was opened again with the private key of/);
  });

  it('each run has a segment to end, also when nothing was written since', async () => {
    const segments = [];
    for (let run = 0; run < 2; run++) {
      const lines = await runCheck();
      assert.deepEqual(failed(lines), []);
      segments.push(lines.find(({ message }) => message.startsWith('the server ended'))?.message);
    }
    assert.notEqual(segments[0], segments[1]);
    says(await runCheck(), 'skip', /nothing was opened/);
  });

  it('an archive_command that fails: the segment does not arrive, and the archiver is quoted', async () => {
    await setting("alter system set archive_command = 'exit 1; walvault push %p'");
    const lines = await runCheck({ timeoutMs: 2500 });
    says(lines, 'warn', /it names no configuration/);
    const [line] = failed(lines);
    assert.match(line?.message ?? '', /did not arrive in repository "\w+" within 2\.5 s/);
    assert.match(line?.hint ?? '', /The archiver last failed with 0000000100000000/);
    await setting('alter system reset archive_command');
    assert.deepEqual(failed(await runCheck()), []);
  });

  it('an empty archive_command, another configuration: no segment is ended in vain', async () => {
    await setting("alter system set archive_command = ''");
    const empty = await runCheck();
    says(empty, 'fail', /archive_command is empty/);
    says(empty, 'skip', /no segment was sent/);
    await setting("alter system set archive_command = 'walvault --config /srv/other.toml push %p'");
    says(await runCheck(), 'fail', /it uses \/srv\/other\.toml/);
    await setting('alter system reset archive_command');
  });

  it('a role without rights is told what it lacks, and the GRANTs of the documentation are enough', async () => {
    const page = readFileSync(new URL('../../docs/permissions.md', import.meta.url), 'utf8');
    const [version] = await server.query<{ server_version_num: string }>('show server_version_num');
    const major = Number(version?.server_version_num) >= 150_000 ? 15 : 13;
    const sql = new RegExp(`\`\`\`sql ${major}\\n([^]*?)\`\`\``).exec(page)?.[1] ?? '';
    const statements = sql.split('\n').filter(line => line !== '' && !line.startsWith('--'));
    assert.equal(statements.length, 6);
    await server.query(statements[0] ?? '');
    await server.query('create database payroll');
    await server.query('revoke connect on database payroll from public');
    const role = { ...server.env, PGUSER: 'walvault' };
    const poor = await runCheck({ user: 'walvault', timeoutMs: 2500 });
    says(poor, 'fail', /role "walvault" cannot take a backup/);
    says(poor, 'fail', /role "walvault" does not see where the data directory is/);
    says(poor, 'fail', /role "walvault" may not end a segment/);
    says(poor, 'warn', /role "walvault" may not connect to some databases/);
    says(poor, 'skip', /no segment was ended/);
    const hints = poor.map(({ hint }) => hint ?? '').join(' ');
    for (const statement of [...statements.slice(1), 'GRANT CONNECT ON DATABASE payroll TO walvault;']) {
      assert.ok(hints.includes(statement), `${statement} in ${hints}`);
      await server.query(statement);
    }
    const rich = await runCheck({ user: 'walvault' });
    assert.deepEqual(failed(rich), []);
    says(rich, 'ok', /role "walvault" may take backups and end segments/);
    const backup = await site.walvault(['backup', '--fast'], { env: role });
    assert.equal(backup.exitCode, 0, backup.stderr);
  });

  it('with archive_mode off it says so alone; the lines of init are read as they are meant', async () => {
    const line = postgresqlLines(['walvault'], `/it's 100%\\/w.toml`, '/etc/walvault.toml').find(text =>
      text.startsWith('archive_command'),
    );
    const conf = { archive_mode: 'off', restore_command: line?.slice('archive_command = '.length) ?? '' };
    await using other = await site.startOrigin({ ownSystemIdentifier: true, conf });
    const lines = await runCheck({ server: other });
    says(lines, 'fail', /archive_mode is off: nothing is archived/);
    says(lines, 'skip', /archive_command cannot be looked at/);
    assert.ok(lines.every(({ message }) => !/archive_command is empty/.test(message)));
    const [shown] = await other.query<{ restore_command: string }>('show restore_command');
    assert.equal(shown?.restore_command, `walvault --config '/it'\\''s 100%%\\/w.toml' push %p`);
  });

  it('a data directory of another server', async () => {
    await using other = await site.startOrigin({ ownSystemIdentifier: true });
    const lines = await runCheck({ env: { WALVAULT_DATA_DIRECTORY: other.dataDirectory } });
    says(lines, 'fail', /is of system \d+, the server of \d+/);
  });

  it('a server that is not there: the rest is proven all the same', async () => {
    await using other = await site.startOrigin({ ownSystemIdentifier: true });
    await other.stop();
    const lines = await runCheck({ server: other });
    assert.equal(failed(lines).length, 1);
    assert.match(failed(lines)[0]?.message ?? '', /^connecting: /);
    assert.ok(failed(lines)[0]?.hint !== undefined);
    says(lines, 'ok', /create-if-absent holds/);
  });

  it('a repository that was rolled back, or lost its newest objects, lacks what the server archived last', async () => {
    const before = temporaryDirectory('before');
    cpSync(site.repositoryPath, before, { recursive: true });
    says(await runCheck(), 'ok', /^0000000100000000\w+, archived last, is in repository "main"$/);
    rmSync(site.repositoryPath, { recursive: true });
    cpSync(before, site.repositoryPath, { recursive: true });
    giveToUnprivileged(site.repositoryPath);
    const [line] = failed(await runCheck());
    assert.match(
      line?.message ?? '',
      /^the server counts 0000000100000000\w+ as archived, and repository "main" does not have it$/,
    );
    assert.match(line?.hint ?? '', /rolled back to an older state.*push --missing/);
    // That check ended a segment, and so the next one finds the gap in the repository itself.
    const lines = await runCheck();
    says(lines, 'fail', /^WAL 0000000100000000\w+.* is missing: /);
    // What somebody has put in its place does not make up for it.
    const last =
      /(0000000100000000\w+) arrived/.exec(lines.map(({ message }) => message).join('\n'))?.[1] ?? '';
    const [path = ''] = globSync(`*/*/wal/*/*/${last}`, { cwd: site.repositoryPath });
    writeFileSync(join(site.repositoryPath, path), 'planted');
    says(await runCheck(), 'fail', new RegExp(`^the server counts ${last} as archived`));
  });

  // The last one: the postmaster takes up to a minute to start another archiver.
  it('a command that is not found, which the server does not count as a failure', async () => {
    await server.query(`select pg_stat_reset_shared('archiver')`);
    await setting("alter system set archive_command = 'walvault-not-there push %p'");
    const line = failed(await runCheck({ timeoutMs: 1500 })).find(({ link }) => link === 'archiving');
    assert.match(line?.hint ?? '', /counted no failure/);
  });

  async function setting(sql: string): Promise<void> {
    await server.query(sql);
    await server.query('select pg_reload_conf()');
    // A session sees the new setting only once its own process has read it.
    for (let shown = ''; ;) {
      const [row] = await server.query<{ applied: string }>(
        `select (count(*) = 0)::text as applied from pg_file_settings f join pg_settings s on s.name = f.name
         where f.applied and f.name = 'archive_command' and s.setting is distinct from f.setting`,
      );
      shown = row?.applied ?? '';
      if (shown === 'true') return;
    }
  }
});

function connectionString(env: Readonly<Record<string, string>>, user: string): Secret {
  return new Secret(`host=${env['PGHOST']} port=${env['PGPORT']} user=${user} dbname=postgres`);
}
