import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { WalvaultError } from '../../../src/base/errors/errors.ts';
import { isPrivateFile } from '../../../src/base/files/privacy.ts';
import { loadConfig } from '../../../src/config/index.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'walvault-config-'));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

const minimal = 'cluster = "orders"\n[[repository]]\nurl = "file:///backup"\n';

async function load(toml: string | undefined, env: NodeJS.ProcessEnv = {}, mode = 0o600) {
  const path = join(directory, 'walvault.toml');
  await rm(path, { force: true });
  if (toml !== undefined) {
    await writeFile(path, toml);
    await chmod(path, mode);
  }
  return await loadConfig({ env, defaultPath: path });
}

async function failure(toml: string | undefined, env: NodeJS.ProcessEnv = {}, mode = 0o600) {
  const error = await load(toml, env, mode).then(
    () => assert.fail('the configuration was accepted'),
    (error: unknown) => error,
  );
  assert.ok(error instanceof WalvaultError, String(error));
  assert.equal(error.code, 'config');
  assert.ok(!error.message.includes('\n'), error.message);
  return { message: error.message.replaceAll(directory, 'DIR'), hint: error.hint ?? '' };
}

describe('a configuration file', () => {
  test('with only what is required gets every default', async () => {
    const { config, origins, path } = await load(minimal);
    assert.equal(path, join(directory, 'walvault.toml'));
    assert.deepEqual(config, {
      cluster: 'orders',
      dataDirectory: undefined,
      repositories: [{ name: 'main', url: 'file:///backup', id: undefined, required: true, verifyTls: true }],
      compressionLevel: 1,
      encryption: {
        mode: 'openpgp',
        walRecipients: [],
        backupRecipients: [],
        passphrases: [],
        privateKeys: [],
        privateKeyPassphrases: [],
        hostSecret: undefined,
      },
      signing: { key: undefined, passphrase: undefined, verify: 'warn', trustedSigners: [] },
      archive: { timeoutMs: 30_000, headerCheck: true, queueLimitBytes: undefined, jobs: 4, batch: false },
      agent: { mode: 'auto', idleTimeoutMs: 600_000 },
      fetch: { timeoutMs: 60_000, standbyTimeoutMs: 5000, prefetchBytes: 256 * 1024 ** 2, jobs: 4 },
      store: {
        requestTimeoutMs: 20_000,
        maxRequests: 32,
        uploadBytesPerSecond: undefined,
        downloadBytesPerSecond: undefined,
      },
      log: { format: 'text', file: undefined, level: 'info' },
      backup: {
        partSizeBytes: 256 * 1024 ** 2,
        walTimeoutMs: 300_000,
        jobs: undefined,
        bytesPerSecond: undefined,
        lowPriority: false,
        manifestChecksums: 'crc32c',
        checkPages: true,
        nameMap: true,
        fastCheckpoint: false,
        type: 'full',
        fullEveryMs: 7 * 86_400_000,
        differentialEveryMs: 86_400_000,
        mostChangedShare: 0.5,
        walSummaries: 'auto',
        auditEveryMs: 7 * 86_400_000,
      },
      restore: { jobs: undefined },
      retention: { minimumBackups: 1, timeZone: 'UTC' },
      status: { backupIntervalMs: undefined, maxLagMs: 900_000 },
      postgres: { connection: undefined, primaryConnection: undefined },
    });
    assert.equal(origins.get('cluster'), `${path}:1`);
    assert.equal(origins.get('repository.main.url'), `${path}:3`);
    assert.equal(origins.get('compression.level'), 'default');
  });

  test('sets everything, relative paths counted from its own directory', async () => {
    const { config, origins } = await load(`
cluster = "orders-eu.1"
data-directory = "/pg/data"
compression.level = 3
[encryption]
wal-recipients = ["keys/a.asc", "/abs/b.asc"]
backup-recipients = ["c.asc"]
private-keys = [
  "private.asc",
]
[signing]
key = "sign.asc"
verify = "require"
[archive]
timeout = "1min"
header-check = "off"
queue-limit = "200GiB"
jobs = 2
batch = "on"
[backup]
part-size = "1GiB"
fast-checkpoint = true
[retention]
keep-last = 7
recovery-window = "14d"
[[repository]]
name = "near"
url = "file:///near"
id = "abc"
[[repository]]
name = "off-site"
url = "s3://b/p?region=eu"
required = false
ca-file = "ca.pem"
access-key-id = "AK"
secret-access-key = "SK"
`);
    assert.equal(config.cluster, 'orders-eu.1');
    assert.equal(config.compressionLevel, 3);
    assert.deepEqual(config.encryption.walRecipients, [join(directory, 'keys/a.asc'), '/abs/b.asc']);
    assert.deepEqual(config.encryption.backupRecipients, [join(directory, 'c.asc')]);
    assert.equal(config.signing.key, join(directory, 'sign.asc'));
    assert.deepEqual(config.archive, {
      timeoutMs: 60_000,
      headerCheck: false,
      queueLimitBytes: 200 * 1024 ** 3,
      jobs: 2,
      batch: true,
    });
    assert.equal(config.backup.fastCheckpoint, true);
    assert.equal(config.backup.partSizeBytes, 1024 ** 3);
    assert.deepEqual(config.retention, {
      keepLast: 7,
      recoveryWindowMs: 14 * 86_400_000,
      minimumBackups: 1,
      timeZone: 'UTC',
    });
    const [near, offSite] = config.repositories;
    assert.equal(near?.id, 'abc');
    assert.equal(offSite?.required, false);
    assert.equal(offSite?.caFile, join(directory, 'ca.pem'));
    assert.equal((await offSite?.secretAccessKey?.read())?.reveal(), 'SK');
    assert.equal(origins.get('repository.off-site.url'), `${directory}/walvault.toml:32`);
    assert.equal(origins.get('compression.level'), `${directory}/walvault.toml:4`);
  });

  test('backups are encrypted to the WAL recipients unless set apart', async () => {
    const { config } = await load(`${minimal}[encryption]\nwal-recipients = "/k.asc"\n`);
    assert.deepEqual(config.encryption.backupRecipients, ['/k.asc']);
  });
});

describe('a mistake in the file is one clear line', () => {
  const cases: [string, string, RegExp, RegExp][] = [
    ['unknown key', `${minimal}[compression]\nlevl = 3`, /^unknown setting "compression\.levl" in DIR\/walvault\.toml, line 5$/, /Did you mean compression\.level\?/],
    ['unknown section', `${minimal}[compresion]\nlevel = 3`, /^unknown setting "compresion\.level" in DIR\/walvault\.toml/, /Did you mean compression\.level\?/],
    ['unknown top-level key', `clustr = "x"\n${minimal}`, /^unknown setting "clustr" in .*line 1$/, /Did you mean cluster\?/],
    ['unknown repository key', `${minimal}urll = "x"`, /^unknown setting "repository\.urll" in .*line 4$/, /Did you mean repository\.url\?/],
    ['wrong type', `${minimal}[compression]\nlevel = "high"`, /^compression\.level in DIR.*, line 5: "high" is not a whole number$/, /^$/],
    ['out of range', `${minimal}[compression]\nlevel = 99`, /99 is more than 19/, /^$/],
    ['no number', `${minimal}[status]\nprice-per-gib = "cheap"`, /^status\.price-per-gib in DIR.*"cheap" is not a number$/, /0\.023/],
    ['fraction', `${minimal}[compression]\nlevel = 1.5`, /1\.5 is not a whole number/, /^$/],
    ['duration without unit', `${minimal}[archive]\ntimeout = 30`, /archive\.timeout in .*: "30" is not a duration/, /30s/],
    ['too short', `${minimal}[archive]\ntimeout = "5ms"`, /"5ms" is less than 1s/, /^$/],
    ['bad size', `${minimal}[backup]\npart-size = "big"`, /"big" is not a size/, /64MiB/],
    ['bad choice', `${minimal}[signing]\nverify = "yes"`, /"yes" is not one of require, warn, off/, /^$/],
    ['bad switch', `${minimal}[backup]\ncheck-pages = 7`, /7 is neither on nor off/, /^$/],
    ['a table for a switch', `${minimal}[backup]\ncheck-pages = {}`, /check-pages in .*: \{\} is neither on nor off/, /^$/],
    ['a table for a duration', `${minimal}[archive]\ntimeout = {}`, /archive\.timeout in .*: "" is not a duration/, /30s/],
    ['bad list', `${minimal}[signing]\ntrusted-signers = [1]`, /\[1\] is not a list of files/, /\["/],
    ['no cluster', '[[repository]]\nurl = "file:///b"', /^setting "cluster" is missing$/, /WALVAULT_CLUSTER/],
    ['bad cluster', minimal.replace('orders', '../x'), /cluster in .*, line 1: "\.\.\/x" is not a name/, /lower-case/],
    ['a cluster that ends with a dot', minimal.replace('orders', 'orders.'), /"orders\." is not a name/, /does not end with a dot/],
    ['no repository', 'cluster = "a"', /^no repository is configured$/, /WALVAULT_REPOSITORY_URL/],
    ['no url', 'cluster = "a"\n[[repository]]\n', /^setting "repository\.main\.url" is missing$/, /WALVAULT_REPOSITORY_MAIN_URL/],
    ['path for url', minimal.replace('file:///backup', '/backup'), /"\/backup" is not a URL/, /file:\/\/\/backup/],
    ['single repository table', 'cluster = "a"\n[repository]\nurl = "file:///b"', /must be tables/, /^$/],
    ['setting for a section', `compression = 3\n${minimal}`, /line 1: must be a section, \[compression\]/, /^$/],
    ['syntax', `${minimal}[compression\nlevel = 3`, /^DIR\/walvault\.toml, line 4, column \d+: /, /^$/],
    ['none required', `${minimal}required = false`, /no repository is required/, /durable/],
    ['passphrase mode without one', `${minimal}[encryption]\nmode = "passphrase"`, /there is no passphrase/, /encryption\.passphrase/],
    ['half credentials', `${minimal}access-key-id = "x"`, /half of its credentials/, /both/],
    ['two with one name', `${minimal}name = "a"\n[[repository]]\nname = "a"\nurl = "file:///c"`, /two repositories are named "a"/, /^$/],
    ['several, one without a name', `${minimal}[[repository]]\nname = "a"\nurl = "file:///c"`, /has no name/, /each needs a name/],
  ]; // prettier-ignore
  for (const [name, toml, message, hint] of cases)
    test(name, async () => {
      const failed = await failure(toml);
      assert.match(failed.message, message);
      assert.match(failed.hint, hint);
    });

  test('credentials in a URL are refused and not repeated', async () => {
    const failed = await failure(minimal.replace('file:///backup', 's3://key:hush@bucket/p'));
    assert.match(failed.message, /credentials do not belong in the URL/);
    assert.doesNotMatch(failed.message + failed.hint, /hush/);
  });

  test('a repository has the usual price of a GiB, or its own', async () => {
    const priced = `${minimal}name = "on"\nprice-per-gib = 0.5\n[[repository]]\nname = "off"\nurl = "file:///off"\n[status]\nprice-per-gib = 0.023\n`;
    const { config } = await load(priced);
    assert.deepEqual(
      config.repositories.map(({ pricePerGib }) => pricePerGib),
      [0.5, 0.023],
    );
  });

  test('a syntax error does not quote the line, which may hold a secret', async () => {
    const failed = await failure(`${minimal}secret-access-key = "hush-hush\n`);
    assert.doesNotMatch(failed.message + failed.hint, /hush/);
  });
});

describe('where the configuration comes from', () => {
  test('nowhere: says where it looked and names init', async () => {
    const failed = await failure(undefined);
    assert.equal(failed.message, 'no configuration: DIR/walvault.toml does not exist');
    assert.match(failed.hint, /walvault init/);
  });

  test('--config before WALVAULT_CONFIG before the default; a named file must exist', async () => {
    const write = async (name: string) => {
      await writeFile(join(directory, name), minimal.replace('orders', name));
      return join(directory, name);
    };
    const [a, b, c] = [await write('a.toml'), await write('b.toml'), await write('c.toml')];
    const cluster = async (path: string | undefined, env: NodeJS.ProcessEnv) =>
      (await loadConfig({ path, env, defaultPath: c })).config.cluster;
    assert.equal(await cluster(a, { WALVAULT_CONFIG: b }), 'a.toml');
    assert.equal(await cluster(undefined, { WALVAULT_CONFIG: b }), 'b.toml');
    assert.equal(await cluster(undefined, { WALVAULT_CONFIG: '' }), 'c.toml');
    await assert.rejects(
      cluster('/nonexistent.toml', {}),
      /configuration file \/nonexistent\.toml does not exist/,
    );
    await assert.rejects(cluster(undefined, { WALVAULT_CONFIG: '/no.toml' }), /named by WALVAULT_CONFIG/);
    await assert.rejects(cluster(directory, {}), /is a directory/);
  });
});

describe('the environment', () => {
  test('alone makes a configuration', async () => {
    const { config, path, origins } = await load(undefined, {
      WALVAULT_CLUSTER: 'env',
      WALVAULT_REPOSITORY_URL: 's3://b/p',
      WALVAULT_REPOSITORY_ACCESS_KEY_ID: 'AK',
      WALVAULT_REPOSITORY_SECRET_ACCESS_KEY: 'SK',
      WALVAULT_REPOSITORY_OFF_SITE_URL: 'file:///off',
      WALVAULT_REPOSITORY_OFF_SITE_REQUIRED: 'false',
      WALVAULT_COMPRESSION_LEVEL: '5',
      WALVAULT_ENCRYPTION_WAL_RECIPIENTS: '/a.asc, /b.asc',
      WALVAULT_BACKUP_CHECK_PAGES: 'off',
      WALVAULT_FETCH_TIMEOUT: '',
      WALVAULT_TEST_ANYTHING: '1',
      WALVAULT_DEBUG: '1',
    });
    assert.equal(path, undefined);
    assert.equal(config.cluster, 'env');
    assert.deepEqual(
      config.repositories.map(({ name, url, required }) => [name, url, required]),
      [
        ['main', 's3://b/p', true],
        ['off-site', 'file:///off', false],
      ],
    );
    assert.equal((await config.repositories[0]?.secretAccessKey?.read())?.reveal(), 'SK');
    assert.equal(config.compressionLevel, 5);
    assert.deepEqual(config.encryption.walRecipients, ['/a.asc', '/b.asc']);
    assert.equal(config.backup.checkPages, false);
    assert.equal(config.fetch.timeoutMs, 60_000);
    assert.equal(origins.get('compression.level'), 'WALVAULT_COMPRESSION_LEVEL');
    assert.equal(origins.get('repository.off-site.url'), 'WALVAULT_REPOSITORY_OFF_SITE_URL');
  });

  test('wins over the file, setting by setting; an unnamed repository means the only one', async () => {
    const { config } = await load(`${minimal}name = "near"\nid = "abc"\n[compression]\nlevel = 3\n`, {
      WALVAULT_COMPRESSION_LEVEL: '0',
      WALVAULT_REPOSITORY_URL: 'file:///elsewhere',
    });
    assert.equal(config.compressionLevel, 0);
    assert.deepEqual(
      config.repositories.map(({ name, url, id }) => [name, url, id]),
      [['near', 'file:///elsewhere', 'abc']],
    );
  });

  test('a variable that nothing reads is an error that suggests the near one', async () => {
    const failed = await failure(minimal, { WALVAULT_COMPRESION_LEVEL: '3' });
    assert.equal(failed.message, 'unknown setting WALVAULT_COMPRESION_LEVEL in the environment');
    assert.equal(failed.hint, 'Did you mean WALVAULT_COMPRESSION_LEVEL?');
  });

  test('what Kubernetes says of a service named walvault is no setting, whatever else is mistyped', async () => {
    const { config } = await load(minimal, {
      WALVAULT_PORT: 'tcp://10.0.0.1:8080',
      WALVAULT_SERVICE_HOST: '10.0.0.1',
      WALVAULT_SERVICE_PORT: '8080',
      WALVAULT_SERVICE_PORT_METRICS: '8080',
      WALVAULT_PORT_8080_TCP: 'tcp://10.0.0.1:8080',
      WALVAULT_PORT_8080_TCP_PROTO: 'tcp',
      WALVAULT_PORT_8080_TCP_PORT: '8080',
      WALVAULT_PORT_8080_TCP_ADDR: '10.0.0.1',
      WALVAULT_REPOSITORY_PORT: 'udp://10.0.0.2:80',
      WALVAULT_REPOSITORY_SERVICE_HOST: '10.0.0.2',
      WALVAULT_LOG_FILE_SERVICE_HOST: '10.0.0.3',
    });
    assert.equal(config.repositories.length, 1);
    for (const [name, text] of [
      ['WALVAULT_PORT', '5432'],
      ['WALVAULT_POTR', 'tcp://10.0.0.1:8080'],
      ['WALVAULT_HOST', 'a'],
    ] as const)
      assert.equal(
        (await failure(minimal, { [name]: text })).message,
        `unknown setting ${name} in the environment`,
      );
  });

  test('a wrong value names the variable', async () => {
    const failed = await failure(minimal, { WALVAULT_ARCHIVE_TIMEOUT: 'soon' });
    assert.match(failed.message, /^WALVAULT_ARCHIVE_TIMEOUT in the environment: "soon" is not a duration$/);
  });

  test('with several repositories an unnamed variable is refused', async () => {
    const several = `${minimal}name = "a"\n[[repository]]\nname = "b"\nurl = "file:///c"`;
    const failed = await failure(several, { WALVAULT_REPOSITORY_URL: 'file:///x' });
    assert.match(failed.message, /which repository is meant is not clear/);
    assert.match(failed.hint, /WALVAULT_REPOSITORY_A_URL/);
  });
});

describe('secrets', () => {
  const withPassphrase = (source: string) => `${minimal}[encryption]\npassphrase = ${source}\n`;

  test('come from text, a file, a command or a variable', async () => {
    await writeFile(join(directory, 'pass'), 'from file \n');
    const value = async (toml: string, env: NodeJS.ProcessEnv = {}) =>
      (await (await load(toml, env)).config.encryption.passphrases[0]?.read())?.reveal();
    assert.equal(await value(withPassphrase('"from text"')), 'from text');
    assert.equal(await value(withPassphrase('{ file = "pass" }')), 'from file ');
    const env = { PATH: process.env['PATH'], THE_PASS: 'from variable' };
    assert.equal(
      await value(withPassphrase('{ command = "echo $THE_PASS | tr a-z A-Z" }'), env),
      'FROM VARIABLE',
    );
    assert.equal(await value(withPassphrase('{ env = "THE_PASS" }'), env), 'from variable');
    assert.equal(await value(minimal, { WALVAULT_ENCRYPTION_PASSPHRASE: 'plain' }), 'plain');
    assert.equal(
      await value(minimal, { WALVAULT_ENCRYPTION_PASSPHRASE_FILE: join(directory, 'pass') }),
      'from file ',
    );
    assert.equal(await value(minimal, { WALVAULT_ENCRYPTION_PASSPHRASE_COMMAND: 'echo c' }), 'c');
  });

  test('as text only in a file that nobody else can read', async () => {
    // What root owns may be read by its group: see the next test.
    for (const mode of process.getuid?.() === 0 ? [0o660, 0o604] : [0o640, 0o604]) {
      const failed = await failure(withPassphrase('"hush-hush"'), {}, mode);
      assert.match(
        failed.message,
        /encryption\.passphrase in .*, line 5: a secret stands in a file that others can read/,
      );
      assert.match(failed.hint, /chmod 0600/);
      assert.doesNotMatch(failed.message + failed.hint, /hush/);
    }
    await load(withPassphrase('{ command = "echo x" }'), {}, 0o644);
  });

  test('as text in a file of root that a group may read, as PostgreSQL has it for its keys', async () => {
    assert.equal(isPrivateFile({ uid: 0, mode: 0o100640 }), true);
    assert.equal(isPrivateFile({ uid: 0, mode: 0o100440 }), true);
    for (const mode of [0o100660, 0o100644, 0o100650]) assert.equal(isPrivateFile({ uid: 0, mode }), false);
    assert.equal(isPrivateFile({ uid: 104, mode: 0o100600 }), true);
    for (const mode of [0o100640, 0o100604]) assert.equal(isPrivateFile({ uid: 104, mode }), false);
    if (process.getuid?.() === 0) await load(withPassphrase('"hush-hush"'), {}, 0o640);
  });

  test('a connection without a password is not one', async () => {
    const connection = (text: string) => `${minimal}[postgres]\nconnection = "${text}"\n`;
    await load(connection('host=/run/postgresql dbname=postgres'), {}, 0o644);
    await load(connection('postgres://app@db:5432/postgres'), {}, 0o644);
    for (const text of [
      'host=db password=hush',
      'postgres://app:hush@db/postgres',
      'postgres://db/x?password=hush',
    ])
      assert.match((await failure(connection(text), {}, 0o644)).message, /others can read/);
  });

  test('that cannot be had say which and why, never what', async () => {
    const cases: [string, RegExp][] = [
      [`{ file = "${directory}/absent" }`, /secret file \/.*\/absent: no such file or directory/],
      [
        '{ command = "echo hush-hush; echo locked >&2; exit 3" }',
        /the secret's command failed with status 3: locked$/,
      ],
      ['{ command = "true" }', /the secret is empty/],
      ['{ env = "NO_SUCH" }', /the environment has no variable NO_SUCH/],
      ['{ fil = "x" }', /not a secret/],
      ['{ file = "x", env = "y" }', /not a secret/],
      ['7', /not a secret/],
    ];
    for (const [source, message] of cases) {
      const error = await load(withPassphrase(source), { PATH: process.env['PATH'] })
        .then(({ config }) => config.encryption.passphrases[0]?.read())
        .then(
          () => assert.fail('the secret was accepted'),
          (failed: unknown) => failed,
        );
      assert.ok(error instanceof WalvaultError, String(error));
      assert.equal(error.code, 'config');
      assert.match(error.message, message);
      assert.match(error.message, /^encryption\.passphrase in /);
      assert.doesNotMatch(error.message + (error.hint ?? ''), /hush/);
    }
  });

  test('are read when they are used, once, and again after a failure', async () => {
    const ran = join(directory, 'ran');
    const allowed = join(directory, 'allowed');
    const toml = `${minimal}secret-access-key = { command = "echo x >> ${ran}; test -e ${allowed} && echo hush-hush" }
access-key-id = { file = "nowhere" }
[encryption]
private-key-passphrase = { command = "touch ${ran}" }
passphrase = { env = "NOWHERE" }
[signing]
passphrase = { file = "nowhere" }
[postgres]
connection = { file = "nowhere" }
`;
    const told: string[] = [];
    const path = join(directory, 'lazy.toml');
    await writeFile(path, toml, { mode: 0o600 });
    const { config } = await loadConfig({
      path,
      env: { PATH: process.env['PATH'] },
      onSecret: secret => told.push(secret.reveal()),
    });
    assert.ok(!existsSync(ran));
    const secret = config.repositories[0]?.secretAccessKey;
    await assert.rejects(secret?.read() ?? Promise.resolve(), /failed with status 1/);
    await writeFile(allowed, '');
    assert.deepEqual(told, []);
    assert.equal((await secret?.read())?.reveal(), 'hush-hush');
    assert.equal((await secret?.read())?.reveal(), 'hush-hush');
    assert.deepEqual(told, ['hush-hush']);
    assert.equal(readFileSync(ran, 'utf8'), 'x\nx\n');
  });

  test('may be a list, in which each has its place in messages', async () => {
    const { config, files, variables } = await load(
      withPassphrase('["new", { file = "old" }, { env = "OLDER" }]'),
    );
    const [first, second] = config.encryption.passphrases;
    assert.equal((await first?.read())?.reveal(), 'new');
    await assert.rejects(
      second?.read() ?? Promise.resolve(),
      /^WalvaultError: encryption\.passphrase in .*, number 2: secret file .*old/,
    );
    assert.deepEqual([files, variables], [[join(directory, 'old')], ['OLDER']]);
    assert.match((await failure(withPassphrase('["a", 7]'))).message, /number 2: not a secret/);
    assert.match((await failure(withPassphrase('["a", ""]'))).message, /number 2: the secret is empty/);
  });
});
