/**
 * A user of the host against root's commands, by the executable: links that he plants, configurations that he may write.
 * PostgreSQL's account plays him; root runs walvault, as from its crontab.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readControlFile } from '../../src/postgres/cluster/control-file.ts';
import { backUp } from '../support/site/cycle.ts';
import { archiveEverything, commitRows, createSite } from '../support/site/site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { requireRoot, unprivilegedAccount } from '../support/site/unprivileged.ts';
import { runWalvault } from '../support/site/walvault.ts';

requireRoot('root is whom the planted links are for');
const account = unprivilegedAccount();
assert(account !== undefined);
const site = await createSite();
const origin = await site.startOrigin();
await commitRows(origin, 1, 3);
await backUp(site, origin);
await commitRows(origin, 4, 6);
await backUp(site, origin);
await archiveEverything(origin);
await origin.stop();
const { systemId } = await readControlFile(origin.dataDirectory, new AbortController().signal);
const system = `orders/${systemId}`;

function asRoot(args: readonly string[], env = {}) {
  return site.walvault(args, { as: 'self', cwd: origin.dataDirectory, env });
}

test('a link in a directory repository leads root nowhere, whatever the command', async () => {
  const group = join(site.repositoryPath, system, 'wal/00000001/00000000');
  // Somebody else's directory: files by the same names, which only root could remove.
  const victim = join(temporaryDirectory('victim', { keepOwner: true }), 'precious');
  mkdirSync(victim, { mode: 0o700 });
  for (const name of readdirSync(group)) writeFileSync(join(victim, name), `precious ${name}`);
  const before = readdirSync(victim);
  renameSync(group, `${group}.aside`);
  symlinkSync(victim, group);
  try {
    const [segment = ''] = before.filter(name => /^[0-9A-F]{24}$/.test(name));
    const key = `${system}/wal/00000001/00000000/${segment}`;
    const refusal = /00000000 is a link, and none is followed inside a repository/;
    for (const args of [
      ['cleanup', '--keep-last', '1'],
      ['list'],
      ['store', 'ls', `${system}/wal/00000001/`],
      ['store', 'get', key],
      ['store', 'stat', key],
      ['store', 'put', '--force', `${key}.new`, site.configPath],
      ['store', 'rm', '--force', key],
      ['push', '--missing'],
    ]) {
      const done = await asRoot(args);
      expect.soft(done.exitCode, `${args.join(' ')}: ${done.stdout.slice(0, 500)}${done.stderr}`).not.toBe(0);
      expect.soft(done.stderr, args.join(' ')).toMatch(refusal);
      expect.soft(done.stdout, args.join(' ')).not.toContain('precious');
      expect.soft(readdirSync(victim), args.join(' ')).toEqual(before);
    }
  } finally {
    rmSync(group);
    renameSync(`${group}.aside`, group);
  }
  const done = await asRoot(['cleanup', '--keep-last', '1']);
  assert.equal(done.exitCode, 0, done.stderr);
});

/** A configuration for a bucket that nobody serves, with a secret; opening it reads the secret. */
function configWith(directory: string, secret: string, more = ''): string {
  const path = join(directory, 'walvault.toml');
  writeFileSync(
    path,
    `cluster = "orders"\n${more}[encryption]\nmode = "none"\n[[repository]]\nurl = "s3://bucket/x?endpoint=https://127.0.0.1:1&region=x"\naccess-key-id = { env = "PATH" }\nsecret-access-key = ${secret}\n`,
    { mode: 0o640 },
  );
  return path;
}

/** `store stat` in a bucket, as root: it fails for want of a server, after it has read the secret. */
async function useSecret(config: string) {
  return await runWalvault(['--config', config, 'store', 'stat', 'x'], {
    as: 'self',
    env: { WALVAULT_STORE_REQUEST_TIMEOUT: '1s' },
  });
}

test('root runs no command and reads no secret of a configuration that another may change', async () => {
  const { uid, gid } = account;
  const scene = () => {
    const directory = temporaryDirectory('config', { keepOwner: true });
    chmodSync(directory, 0o755);
    const ran = join(directory, 'ran');
    const config = configWith(directory, `{ command = "id -u > ${ran}; echo x" }`);
    return { directory, ran, config };
  };
  const linkPath = join('/dev/shm', `walvault-link-${process.pid}.toml`);
  type Scene = ReturnType<typeof scene>;
  /** What each does to the scene, and the path by which root then knows the configuration. */
  const hostile: Record<string, (where: Scene) => string> = {
    'owned by another'({ config }) {
      chownSync(config, uid, gid);
      return config;
    },
    'open to a group'({ config }) {
      chownSync(config, 0, gid);
      chmodSync(config, 0o660);
      return config;
    },
    'in his directory'({ directory, config }) {
      chownSync(directory, uid, gid);
      return config;
    },
    'in a directory that is open to all'({ directory, config }) {
      chmodSync(directory, 0o777);
      return config;
    },
    'behind his link'({ config }) {
      symlinkSync(config, linkPath);
      lchownSync(linkPath, uid, gid);
      return linkPath;
    },
  };
  for (const [what, change] of Object.entries(hostile)) {
    const where = scene();
    const done = await useSecret(change(where));
    rmSync(linkPath, { force: true });
    expect.soft([done.exitCode, existsSync(where.ran)], `${what}: ${done.stderr}`).toEqual([3, false]);
    expect
      .soft(done.stderr, what)
      .toMatch(
        /^walvault: .*root takes no secret from a configuration that another may change: .*\nHINT: .*chown root/,
      );
  }
  // As Debian keeps what a service may read and not change, and as Kubernetes mounts it.
  const own = scene();
  chownSync(own.config, 0, gid);
  await useSecret(own.config);
  assert.equal(readFileSync(own.ran, 'utf8').trim(), '0');
  const mounted = scene();
  chmodSync(mounted.directory, 0o3777);
  mkdirSync(join(mounted.directory, '..2026'), { mode: 0o755 });
  renameSync(mounted.config, join(mounted.directory, '..2026/walvault.toml'));
  symlinkSync('..2026', join(mounted.directory, '..data'));
  symlinkSync('..data/walvault.toml', mounted.config);
  await useSecret(mounted.config);
  assert.equal(readFileSync(mounted.ran, 'utf8').trim(), '0');
});

test('root reads no secret file that another has put a link in the place of', async () => {
  const { uid, gid } = account;
  const directory = temporaryDirectory('config', { keepOwner: true });
  chmodSync(directory, 0o755);
  const his = join(directory, 'his');
  mkdirSync(his, { mode: 0o755 });
  chownSync(his, uid, gid);
  const precious = join(directory, 'precious');
  writeFileSync(precious, 'only for root', { mode: 0o600 });
  symlinkSync(precious, join(his, 'secret'));
  const config = configWith(directory, `{ file = "${his}/secret" }`);
  const refused = await useSecret(config);
  assert.deepEqual(
    [
      refused.exitCode,
      /root does not read what another may replace: user \d+ owns .*his\n/.test(refused.stderr),
    ],
    [3, true],
    refused.stderr,
  );
  rmSync(join(his, 'secret'));
  writeFileSync(join(his, 'secret'), 'his own');
  chownSync(join(his, 'secret'), uid, gid);
  assert.doesNotMatch((await useSecret(config)).stderr, /root does not read/);
});

test('root writes its log through no link, and to no file that another named', async () => {
  const { uid, gid } = account;
  const directory = temporaryDirectory('log', { keepOwner: true });
  chmodSync(directory, 0o755);
  const precious = join(directory, 'precious');
  writeFileSync(precious, 'x', { mode: 0o600 });
  const his = join(directory, 'his');
  mkdirSync(his, { mode: 0o755 });
  chownSync(his, uid, gid);
  const log = join(his, 'walvault.log');
  symlinkSync(precious, log);
  const write = (config: string, args: readonly string[] = []) =>
    runWalvault(['--config', config, ...args, 'store', 'stat', 'x'], {
      as: 'self',
      env: { WALVAULT_STORE_REQUEST_TIMEOUT: '1s' },
    });
  const more = (path: string) => `[log]\nfile = "${path}"\nlevel = "debug"\n`;
  const led = await write(configWith(directory, '{ env = "PATH" }', more(log)));
  assert.match(
    led.stderr,
    /log file .*root does not write to what another may replace: user \d+ owns .*his\n/,
  );
  assert.equal(readFileSync(precious, 'utf8'), 'x');
  execFileSync('mkfifo', [join(his, 'pipe')]);
  await write(configWith(directory, '{ env = "PATH" }', more(join(his, 'pipe'))));
  // His configuration names root's file, or a new one in a directory of root's.
  const named = configWith(his, '{ env = "PATH" }', more(precious));
  chownSync(named, uid, gid);
  await write(named);
  const planted = join(directory, 'planted');
  const naming = configWith(his, '{ env = "PATH" }', more(planted));
  chownSync(naming, uid, gid);
  const refused = await write(naming);
  assert.match(refused.stderr, /root does not write to what another may replace/);
  assert.deepEqual([readFileSync(precious, 'utf8'), existsSync(planted)], ['x', false]);
  // His own log, and a new one, which becomes his; and one in a directory like Debian's /var/log/postgresql.
  rmSync(log);
  await write(configWith(directory, '{ env = "PATH" }', more(log)));
  assert.deepEqual([statSync(log).uid, statSync(log).size > 0], [uid, true]);
  const before = statSync(log).size;
  await write(configWith(directory, '{ env = "PATH" }', more(log)));
  assert.ok(statSync(log).size > before);
  const debian = join(directory, 'debian');
  mkdirSync(debian);
  chownSync(debian, 0, gid);
  chmodSync(debian, 0o1775);
  for (const _ of [1, 2])
    await write(configWith(directory, '{ env = "PATH" }', more(join(debian, 'walvault.log'))));
  const { gid: group, mode } = statSync(join(debian, 'walvault.log'));
  assert.deepEqual([group, mode & 0o777], [gid, 0o660]);
});

test('init as root writes no key or configuration where another could lead it, and gives away nothing but its own', async () => {
  const { uid, gid } = account;
  const directory = temporaryDirectory('init', { keepOwner: true });
  chmodSync(directory, 0o755);
  const precious = join(directory, 'precious');
  mkdirSync(precious, { mode: 0o700 });
  writeFileSync(join(precious, 'key'), 'only for root', { mode: 0o600 });
  const his = join(directory, 'his');
  const repository = join(directory, 'repository');
  const initialise = (owner: readonly string[]) =>
    runWalvault(
      [
        'init',
        '--config',
        join(his, 'walvault.toml'),
        '--cluster',
        'orders',
        '--no-encryption',
        ...owner,
        '--repository',
        `file://${repository}`,
        '--create-directory',
      ],
      { as: 'self' },
    );
  const anew = () => {
    rmSync(his, { recursive: true, force: true });
    mkdirSync(his, { mode: 0o755 });
    chownSync(his, uid, gid);
  };
  anew();
  symlinkSync(precious, join(his, 'walvault-keys'));
  for (const owner of [[], ['--owner', account.name]]) {
    const refused = await initialise(owner);
    expect.soft(refused.exitCode, refused.stderr).not.toBe(0);
    expect.soft(refused.stderr).toMatch(/another could (replace it|put something)/);
    expect.soft(readdirSync(precious)).toEqual(['key']);
    expect.soft(existsSync(join(his, 'walvault.toml'))).toBe(false);
  }
  // His key is a link to one of root's: it is not given to him.
  anew();
  mkdirSync(join(his, 'walvault-keys'));
  chownSync(join(his, 'walvault-keys'), uid, gid);
  for (const name of ['signing-private.asc', 'signing-public.asc'])
    symlinkSync(join(precious, 'key'), join(his, 'walvault-keys', name));
  const led = await initialise(['--owner', account.name]);
  assert.notEqual(led.exitCode, 0);
  assert.equal(statSync(join(precious, 'key')).uid, 0);
  // In his own directory, for him, all is his.
  anew();
  const done = await initialise(['--owner', account.name]);
  assert.equal(done.exitCode, 0, done.stderr);
  for (const path of ['walvault.toml', 'walvault-keys', 'walvault-keys/signing-private.asc'])
    assert.equal(statSync(join(his, path)).uid, uid, path);
  assert.equal(statSync(join(repository, 'walvault.json')).uid, uid);
});

test('root fetches into no directory that another has put in the place of his own', async () => {
  const { uid, gid } = account;
  const directory = temporaryDirectory('fetch', { keepOwner: true });
  chmodSync(directory, 0o755);
  const precious = join(directory, 'precious');
  mkdirSync(precious, { mode: 0o700 });
  const his = join(directory, 'his');
  mkdirSync(his);
  chownSync(his, uid, gid);
  symlinkSync(precious, join(his, 'pg_wal'));
  const segment =
    readdirSync(join(site.repositoryPath, system, 'wal/00000001/00000000'))
      .filter(name => /^[0-9A-F]{24}$/.test(name))
      .at(-1) ?? '';
  const fetch = () => asRoot(['fetch', segment, join(his, 'pg_wal', segment)]);
  const refused = await fetch();
  assert.match(
    refused.stderr,
    /root makes no files in .*pg_wal, in whose place another could put something: user \d+ owns/,
  );
  assert.deepEqual([refused.exitCode === 0, readdirSync(precious)], [false, []]);
  rmSync(join(his, 'pg_wal'));
  mkdirSync(join(his, 'pg_wal'));
  chownSync(join(his, 'pg_wal'), uid, gid);
  const done = await fetch();
  assert.deepEqual([done.exitCode, statSync(join(his, 'pg_wal', segment)).uid], [0, uid], done.stderr);
});

test('root runs no agent for the server of another', async () => {
  const refused = await asRoot(['agent', '--data-directory', origin.dataDirectory]);
  assert.equal(refused.exitCode, 1, refused.stderr);
  assert.match(refused.stderr, /an agent for .* runs as user \d+, not as root/);
});
