/**
 * Wrong input, as people give it at three in the morning: one clear line that names the thing, a hint what to do, the
 * documented status, and nothing half done.
 */
import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { errorCodes, type ErrorCode } from '../../src/base/errors/errors.ts';
import { archivedSegments, backUp, newDirectory, type TakenBackup } from '../support/site/cycle.ts';
import { startPostgres, type PostgresServer } from '../support/servers/postgres-server.ts';
import { bareEnvironment, run, type RunResult } from '../support/site/run.ts';
import { startS3Server, type S3Server } from '../support/servers/s3/server.ts';
import { archiveEverything, commitRows, createSite, type Site } from '../support/site/site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';
import { runWalvault, walvaultExecutable } from '../support/site/walvault.ts';

interface Expected {
  readonly code: ErrorCode;
  readonly message: RegExp;
  readonly hint: RegExp;
}

/** Exactly two lines: what is wrong, and what to do. */
function assertRefusal(result: RunResult, { code, message, hint }: Expected): void {
  const { exitCode, stderr, stdout } = result;
  assert.equal(exitCode, errorCodes[code], stderr);
  assert.equal(stdout, '');
  const lines = stderr.trimEnd().split('\n');
  assert.equal(lines.length, 2, stderr);
  const [first = '', second = ''] = lines;
  assert.match(first, /^walvault: \S/);
  assert.match(first, message);
  assert.match(second, /^HINT: {2}[A-Z`].*[.?]$/);
  assert.match(second, hint);
}

describe('a configuration', () => {
  let site: Site;
  beforeAll(async () => {
    site = await createSite();
  });

  const restore = (config: string, env: Readonly<Record<string, string>> = {}) =>
    runWalvault(['restore', newDirectory()], { config, env });

  it('that is missing', async () => {
    assertRefusal(await restore('/nonexistent/walvault.toml'), {
      code: 'config',
      message: /\/nonexistent\/walvault\.toml .*does not exist/,
      hint: /walvault init/,
    });
  });

  it('with an unknown setting', async () => {
    const path = join(site.directory, 'unknown.toml');
    writeFileSync(path, 'cluster = "orders"\n[retention]\nkeep-lst = 3\n');
    assertRefusal(await restore(path), {
      code: 'config',
      message: /"retention\.keep-lst".*line 3/,
      hint: /keep-last/,
    });
  });

  it('with an unknown variable in the environment', async () => {
    assertRefusal(await restore(site.configPath, { WALVAULT_RETENTION_KEEP_LAT: '3' }), {
      code: 'config',
      message: /WALVAULT_RETENTION_KEEP_LAT/,
      hint: /WALVAULT_RETENTION_KEEP_LAST/,
    });
  });

  const urls: readonly (Expected & { readonly url: string })[] = [
    { url: 'nonsense', code: 'config', message: /"nonsense" is not a URL/, hint: /s3:\/\// },
    { url: 'ftp://host/x', code: 'config', message: /unknown scheme ftp/, hint: /file:\/\/\// },
    { url: 'file://var/x', code: 'config', message: /file:\/\/var\/x/, hint: /three slashes/ },
    { url: 's3://bucket/x', code: 'config', message: /no region is known/, hint: /region=/ },
    { url: 's3:bucket', code: 'config', message: /names no bucket/, hint: /s3:\/\/bucket/ },
    { url: 's3://b/x?regoin=eu', code: 'config', message: /parameter regoin/, hint: /region/ },
    {
      url: 'file:///nonexistent/x',
      code: 'not-a-repository',
      message: /\/nonexistent\/x/,
      hint: /walvault init/,
    },
  ];
  for (const { url, ...expected } of urls)
    it(`with the repository URL ${url}`, async () => {
      assertRefusal(await restore(site.configPath, { WALVAULT_REPOSITORY_URL: url }), expected);
    });
});

describe('a bucket', () => {
  let server: S3Server;
  let env: Record<string, string>;
  beforeAll(async () => {
    server = await startS3Server();
    env = {
      WALVAULT_CLUSTER: 'orders',
      WALVAULT_ENCRYPTION_MODE: 'none',
      WALVAULT_REPOSITORY_URL: server.url,
      WALVAULT_REPOSITORY_ACCESS_KEY_ID: server.accessKeyId,
      WALVAULT_REPOSITORY_SECRET_ACCESS_KEY: server.secretAccessKey,
    };
  });
  afterAll(() => server.close());

  const restore = (overrides: Record<string, string>) =>
    runWalvault(['restore', newDirectory()], { env: { ...env, ...overrides } });

  it('that refuses the credentials', async () => {
    assertRefusal(await restore({ WALVAULT_REPOSITORY_SECRET_ACCESS_KEY: 'wrong' }), {
      code: 'denied',
      message: /walvault\.json: denied by the service \(.*SignatureDoesNotMatch/,
      hint: /access key/,
    });
  });

  it('that does not exist', async () => {
    const url = server.url.replace(server.bucket, 'no-such-bucket');
    assertRefusal(await restore({ WALVAULT_REPOSITORY_URL: url }), {
      code: 'not-a-repository',
      message: /no bucket no-such-bucket/,
      hint: /URL/,
    });
  });

  it('that is no repository yet', async () => {
    assertRefusal(await restore({}), {
      code: 'not-a-repository',
      message: /walvault\.json/,
      hint: /walvault init/,
    });
  });
});

describe('an archive with one backup', () => {
  let site: Site;
  let origin: PostgresServer;
  let taken: TakenBackup;
  let directory: string;

  beforeAll(async () => {
    site = await createSite();
    origin = await site.startOrigin();
    await commitRows(origin, 1, 1);
    taken = await backUp(site, origin);
    await commitRows(origin, 2, 6);
    await archiveEverything(origin);
  });
  afterAll(async () => {
    await origin[Symbol.asyncDispose]();
  });

  const restore = (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    directory = newDirectory();
    return site.walvault(['restore', directory, ...args], { env });
  };

  const oldest = () => taken.stopTime.slice(0, 19).replace('T', ' ');
  const requests: readonly {
    readonly what: string;
    readonly args: readonly string[];
    readonly expected: () => Expected;
  }[] = [
    {
      what: 'a time that is none',
      args: ['--target-time', 'yesterday'],
      expected: () => ({
        code: 'usage',
        message: /"yesterday" is not a time/,
        hint: /\+00" or .*Europe\/Berlin/,
      }),
    },
    {
      what: 'a day that is none',
      args: ['--target-time', '2026-02-30 10:00:00+00'],
      expected: () => ({ code: 'usage', message: /2026-02-30/, hint: /Write it like/ }),
    },
    {
      what: 'a time without a zone',
      args: ['--target-time', '2026-11-22 10:00:00'],
      expected: () => ({ code: 'usage', message: /has no time zone/, hint: /"2026-11-22 10:00:00\+00"/ }),
    },
    {
      what: 'a time before the oldest backup',
      args: ['--target-time', '2020-01-01 00:00:00+00'],
      expected: () => ({
        code: 'target',
        message: new RegExp(`before the end of the oldest backup .*${taken.id}`),
        hint: new RegExp(`oldest possible target is ${oldest()}`),
      }),
    },
    {
      what: 'a time after the newest commit',
      args: ['--target-time', '2200-01-01 00:00:00+00'],
      expected: () => ({
        code: 'target',
        message: /not before the last commit in the archive, \d{4}-\d\d-\d\d .* on timeline 1/,
        hint: /Choose a time before \d{4}-/,
      }),
    },
    {
      what: 'an LSN that is none',
      args: ['--target-lsn', 'zz'],
      expected: () => ({ code: 'usage', message: /"zz" is not an LSN/, hint: /0\/16B3740/ }),
    },
    {
      what: 'an LSN before the oldest backup',
      args: ['--target-lsn', '0/1'],
      expected: () => ({
        code: 'target',
        message: /LSN 0\/1 is before/,
        hint: /oldest possible target is \w+\/\w+/,
      }),
    },
    {
      what: 'an LSN that is not written yet',
      args: ['--target-lsn', 'FF/0'],
      expected: () => ({
        code: 'target',
        message: /LSN FF\/0 is beyond .* timeline 1/,
        hint: /before \w+\/\w+/,
      }),
    },
    {
      what: 'a transaction that never was',
      args: ['--target-xid', '4000000'],
      expected: () => ({ code: 'target', message: /transaction 4000000 is not between/, hint: /backup/ }),
    },
    {
      what: 'a restore point that never was',
      args: ['--target-name', 'befor'],
      expected: () => ({ code: 'target', message: /restore point "befor" is not between/, hint: /backup/ }),
    },
    {
      what: 'two targets',
      args: ['--target-xid', '3', '--target-name', 'x'],
      expected: () => ({ code: 'usage', message: /only one recovery target/, hint: /--target/ }),
    },
    {
      what: 'a timeline that never was',
      args: ['--target-timeline', '9'],
      expected: () => ({ code: 'target', message: /timeline 9 is not in the archive/, hint: /1/ }),
    },
    {
      what: 'a timeline that is none',
      args: ['--target-timeline', 'newest'],
      expected: () => ({ code: 'usage', message: /not "newest"/, hint: /timeline/ }),
    },
    {
      what: 'an unknown backup',
      args: ['--backup', '20200101T000000Z-full-000000'],
      expected: () => ({
        code: 'not-found',
        message: /backup 20200101T000000Z-full-000000 is not/,
        hint: /walvault list/,
      }),
    },
    {
      what: 'a tablespace that it does not have',
      args: ['--tablespace-map', '99=/srv/x'],
      expected: () => ({ code: 'usage', message: /99.*no such tablespace/, hint: /no tablespaces/ }),
    },
    {
      what: 'an action that PostgreSQL does not know',
      args: ['--target-action', 'stop'],
      expected: () => ({ code: 'usage', message: /'stop'.*pause, promote, shutdown/, hint: /--help/ }),
    },
    {
      what: 'a repository that is not configured',
      args: ['--repository', 'offsite'],
      expected: () => ({ code: 'usage', message: /no repository.*"offsite"/, hint: /main/ }),
    },
  ];
  for (const { what, args, expected } of requests)
    it(`asked for ${what}`, async () => {
      assertRefusal(await restore(args), expected());
      assert.ok(!existsSync(directory));
    });

  const unknown = '20200101T000000Z-full-000000';
  const verbs: readonly {
    readonly args: readonly string[] | (() => readonly string[]);
    readonly expected: Expected;
  }[] = [
    {
      args: ['pin', 'newest'],
      expected: { code: 'usage', message: /"newest" is not the id of a backup/, hint: /walvault list/ },
    },
    {
      args: ['pin', unknown],
      expected: { code: 'not-found', message: /there is no backup 2020/, hint: /walvault list/ },
    },
    {
      args: ['pin', unknown, '--until', 'tomorrow'],
      expected: { code: 'usage', message: /"tomorrow" is not a time/, hint: /2026-11-22/ },
    },
    {
      args: ['pin', unknown, '--until', '2020-01-01'],
      expected: { code: 'usage', message: /--until 2020-.* is over/, hint: /to come/ },
    },
    {
      args: () => ['unpin', taken.id],
      expected: { code: 'not-found', message: /is not pinned/, hint: /--pinned/ },
    },
    {
      args: ['delete', unknown, '--yes'],
      expected: { code: 'not-found', message: /there is no backup 2020/, hint: /walvault list/ },
    },
    {
      args: ['restore-point', 'x'.repeat(64)],
      expected: { code: 'usage', message: /cannot be the name of a restore point/, hint: /63 bytes/ },
    },
    {
      args: ['restore-point', 'here'],
      expected: { code: 'postgres', message: /cannot connect to PostgreSQL/, hint: /running/ },
    },
    {
      args: ['list', '--csv'],
      expected: { code: 'usage', message: /--csv prints one table/, hint: /restore-points/ },
    },
    {
      args: ['list', 'wal', '--pinned'],
      expected: { code: 'usage', message: /--pinned would be without effect/, hint: /backups/ },
    },
    {
      args: ['list', '--system-id', '1'],
      expected: { code: 'not-found', message: /there is no system 1/, hint: /--system-id/ },
    },
  ];
  for (const { args, expected } of verbs)
    it(`asked for ${typeof args === 'function' ? 'unpin of what is not pinned' : args.join(' ').slice(0, 60)}`, async () => {
      const env = { PGHOST: join(site.directory, 'nowhere') };
      assertRefusal(await site.walvault(typeof args === 'function' ? args() : args, { env }), expected);
    });

  it('of another cluster', async () => {
    assertRefusal(await restore([], { WALVAULT_CLUSTER: 'payroll' }), {
      code: 'not-found',
      message: /there is no cluster "payroll"/,
      hint: /It holds "\w+"\. A new cluster is there from its first push on/,
    });
  });

  it('into a directory that is not empty', async () => {
    const occupied = temporaryDirectory('occupied');
    writeFileSync(join(occupied, 'precious'), 'data');
    assertRefusal(await site.walvault(['restore', occupied]), {
      code: 'destination',
      message: /is not empty \(precious is in it\)/,
      hint: /empty or new directory/,
    });
    assert.deepEqual(readdirSync(occupied), ['precious']);
  });

  it('into the directory of a running server', async () => {
    assertRefusal(await site.walvault(['restore', origin.dataDirectory]), {
      code: 'destination',
      message: /postmaster\.pid/,
      hint: /another directory/,
    });
    assert.deepEqual(await origin.query('select 1 as one'), [{ one: 1 }]);
  });

  it('without the private key', async () => {
    assertRefusal(await restore([], { WALVAULT_ENCRYPTION_PRIVATE_KEYS: '' }), {
      code: 'key',
      message: /no private key for it; it is encrypted to [0-9A-F]{40} \(walvault orders recovery\)/,
      hint: /encryption\.private-keys/,
    });
    assert.ok(!existsSync(directory));
  });

  it('with a private key that cannot be read', async () => {
    const path = join(site.directory, 'unreadable.asc');
    copyFileSync(site.privateKeyPath, path);
    giveToUnprivileged(site.directory);
    chmodSync(path, 0o000);
    assertRefusal(await restore([], { WALVAULT_ENCRYPTION_PRIVATE_KEYS: path }), {
      code: 'key',
      message: /unreadable\.asc: permission denied/,
      hint: /may read it/,
    });
    assert.ok(!existsSync(directory));
  });

  it('in a dry run: a key that is of no use is the same error, no key at all a warning', async () => {
    const useless = await restore(['--dry-run'], { WALVAULT_ENCRYPTION_PRIVATE_KEYS: site.configPath });
    assertRefusal(useless, { code: 'key', message: /not an OpenPGP key/, hint: /gpg --armor --export/ });
    const keyless = await restore(['--dry-run'], { WALVAULT_ENCRYPTION_PRIVATE_KEYS: '' });
    assert.equal(keyless.exitCode, 0, keyless.stderr);
    assert.match(keyless.stderr, /restoring needs a private key/);
  });

  it('with a file that is no key', async () => {
    assertRefusal(await restore([], { WALVAULT_ENCRYPTION_PRIVATE_KEYS: site.configPath }), {
      code: 'key',
      message: /walvault\.toml: not an OpenPGP key/,
      hint: /gpg --armor --export/,
    });
  });

  it('with a wrong passphrase for the private key', async () => {
    const secret = join(temporaryDirectory('secret'), 'passphrase');
    writeFileSync(secret, 'right\n', { mode: 0o644 });
    const { privateKeyPath } = await createSite({ initArgs: ['--key-passphrase-file', secret] });
    for (const [passphrase, message] of [
      ['incorrect horse', /private\.asc.*: wrong passphrase$/],
      ['', /private\.asc.*locked by a passphrase/],
    ] as const) {
      const env = {
        WALVAULT_ENCRYPTION_PRIVATE_KEYS: privateKeyPath,
        WALVAULT_ENCRYPTION_PRIVATE_KEY_PASSPHRASE: passphrase,
      };
      assertRefusal(await restore([], env), { code: 'key', message, hint: /passphrase/ });
    }
  });

  it('with a hole in its WAL', async () => {
    const missing = join(site.repositoryPath, archivedSegments(site).at(-2) ?? '');
    const name = basename(missing);
    renameSync(missing, `${missing}.away`);
    try {
      assertRefusal(await restore([]), {
        code: 'wal-missing',
        message: new RegExp(name),
        hint: /push --missing/,
      });
      const fetched = await site.walvault(['fetch', name, join(site.directory, 'x')], {
        cwd: origin.dataDirectory,
      });
      assertRefusal(fetched, { code: 'wal-missing', message: new RegExp(name), hint: /push --missing/ });
    } finally {
      renameSync(`${missing}.away`, missing);
    }
  });

  it('on a disk that is full', async () => {
    directory = newDirectory();
    const { stderr, exitCode } = await limited(site, 64, ['restore', directory]);
    assert.equal(exitCode, errorCodes['local-io'], stderr);
    assert.match(stderr, /^walvault: write into .*: file too large$/m);
    assert.ok(!existsSync(directory), 'what was written is taken away');
  });

  it('whose own disk is full', async () => {
    const segment = readdirSync(join(origin.dataDirectory, 'pg_wal')).find(name =>
      /^[0-9A-F]{24}$/.test(name),
    );
    const before = readdirSync(site.repositoryPath, { recursive: true }).length;
    const other = { WALVAULT_CLUSTER: 'other', WALVAULT_DATA_DIRECTORY: origin.dataDirectory };
    const path = join(origin.dataDirectory, 'pg_wal', segment ?? '');
    const { stderr, exitCode } = await limited(site, 0, ['push', path], other);
    assert.equal(exitCode, errorCodes['local-io'], stderr);
    assert.match(stderr, /^walvault: .*file too large/m);
    const left = readdirSync(site.repositoryPath, { recursive: true, withFileTypes: true });
    assert.ok(left.filter(entry => entry.isFile()).length <= before);
  });

  it('that cleanup is to thin out without a policy', async () => {
    assertRefusal(await site.walvault(['cleanup']), {
      code: 'usage',
      message: /no policy/,
      hint: /--recovery-window, --keep-last/,
    });
    for (const args of [
      ['--keep-last', '0'],
      ['--keep-last', 'all'],
      ['--keep-within', '3'],
      ['--keep-daily', '0'],
      ['--keep-daily', '7', '--time-zone', 'Mars/Base'],
    ]) {
      const { exitCode, stderr } = await site.walvault(['cleanup', ...args]);
      assert.equal(exitCode, errorCodes.usage, stderr);
    }
    assert.match((await site.walvault(['list', 'backups'])).stdout, new RegExp(taken.id));
  });
});

describe('a backup', () => {
  it('of a server that does not archive', async () => {
    const site = await createSite();
    await using server = await startPostgres();
    assertRefusal(await site.walvault(['backup'], { env: server.env }), {
      code: 'postgres',
      message: /archive_mode is off/,
      hint: /archive_mode/,
    });
    assert.deepEqual(
      readdirSync(site.repositoryPath).filter(name => name === 'orders'),
      [],
    );
  });

  it('of a server that cannot be reached', async () => {
    const site = await createSite();
    assertRefusal(await site.walvault(['backup'], { env: { PGHOST: site.directory, PGPORT: '5999' } }), {
      code: 'postgres',
      message: /cannot connect to PostgreSQL at .*5999/,
      hint: /PGHOST/,
    });
  });
});

describe('a command line', () => {
  const lines: readonly (Expected & { readonly args: readonly string[] })[] = [
    { args: ['bakup'], code: 'usage', message: /unknown command 'bakup'/, hint: /Did you mean backup\?/ },
    {
      args: ['backup', '--fsat'],
      code: 'usage',
      message: /unknown option '--fsat'/,
      hint: /Did you mean --fast\?/,
    },
    {
      args: ['backup', '--jobs', '0'],
      code: 'usage',
      message: /--jobs takes a number from 1 to 32/,
      hint: /processors/,
    },
    { args: ['backup', '--limit-rate', '5'], code: 'usage', message: /"5" is not a size/, hint: /64MiB/ },
    {
      args: ['backup', '--limit-rate', '5kB'],
      code: 'usage',
      message: /--limit-rate takes at least 128KiB/,
      hint: /50MiB/,
    },
    { args: ['restore'], code: 'usage', message: /'directory'/, hint: /--help/ },
    { args: ['list', 'backup'], code: 'usage', message: /'backup'.*backups, wal/, hint: /--help/ },
    {
      args: ['status', '--json', '--prometheus'],
      code: 'usage',
      message: /only one of --json, --prometheus and --nagios/,
      hint: /once for each/,
    },
    { args: ['status', '--timeout', '5'], code: 'usage', message: /"5" is not a duration/, hint: /30s/ },
    { args: ['push'], code: 'usage', message: /push takes one path/, hint: /Usage: walvault push/ },
    { args: ['fetch', 'x'], code: 'usage', message: /fetch takes a name/, hint: /Usage: walvault fetch/ },
  ];
  for (const { args, ...expected } of lines)
    it(`like walvault ${args.join(' ')}`, async () => {
      assertRefusal(await runWalvault(args), expected);
    });

  it('that pushes what is no WAL', async () => {
    const site = await createSite();
    assertRefusal(await site.walvault(['push', '/etc/passwd']), {
      code: 'invalid-file',
      message: /\/etc\/passwd: not the name of a WAL file/,
      hint: /%p/,
    });
  });

  it('that fetches into a directory that it may not write', async () => {
    const site = await createSite();
    await using origin = await site.startOrigin();
    await commitRows(origin, 1, 1);
    await archiveEverything(origin);
    const [archived = ''] = archivedSegments(site);
    const locked = join(site.directory, 'locked');
    mkdirSync(locked);
    giveToUnprivileged(locked);
    chmodSync(locked, 0o500);
    const fetched = await site.walvault(['fetch', basename(archived), join(locked, 'x')], {
      cwd: origin.dataDirectory,
    });
    assertRefusal(fetched, { code: 'local-io', message: /locked.*permission denied/, hint: /permission/ });
  });
});

/** With a limit on the size of files, in blocks of 512 bytes: what a full disk does, without a disk. */
function limited(
  site: Site,
  blocks: number,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<RunResult> {
  const script = `ulimit -f ${blocks} && exec "$0" --config ${site.configPath} "$@"`;
  return run('/bin/sh', ['-c', script, walvaultExecutable(), ...args], {
    env: { ...bareEnvironment, ...site.readerEnv, ...env },
  });
}
