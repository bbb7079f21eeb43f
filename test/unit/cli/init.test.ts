import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'vitest';
import { runCli } from '../../../src/cli/program.ts';
import { temporaryDirectory } from '../../support/site/temp.ts';

async function walvault(argv: readonly string[], env: NodeJS.ProcessEnv = {}) {
  let stdout = '';
  let stderr = '';
  const context = {
    signal: AbortSignal.timeout(60_000),
    env: { PATH: process.env['PATH'], ...env },
    stdout: (text: string) => void (stdout += text),
    stderr: (text: string) => void (stderr += text),
    isTty: false,
  };
  return { status: await runCli(argv, context), stdout, stderr };
}

test('init by the command line: a directory repository, a generated key, and what is left to do', async () => {
  const directory = temporaryDirectory('cli-init', { keepOwner: true });
  const config = join(directory, 'walvault.toml');
  const argv = [
    'init',
    '--config',
    config,
    '--cluster',
    'orders',
    '--repository',
    `file://${directory}/repo`,
  ];
  const usb = join(directory, 'usb');
  const options = ['--create-directory', '--generate-keys', usb, '--recovery-window', '14d'];
  const absent = await walvault([...argv, ...options]);
  assert.equal(absent.status, 2);
  assert.match(absent.stderr, /usb, for the private key, is not a directory\n.*Is its medium mounted\?/);
  await mkdir(usb);
  const first = await walvault([...argv, ...options]);
  assert.equal(first.status, 0, first.stderr);
  // The check, which needs the settings and the private key, stands between the two.
  assert.match(
    first.stdout,
    /1\. Put these lines[\s\S]*2\. As the user PostgreSQL runs as[\s\S]*check --private-key [\s\S]*3\. Move the private key off this host[\s\S]*walvault-orders-private\.asc/,
  );
  assert.match(first.stdout, new RegExp(`archive_command = '/.* --config ${config} push %p'`));
  assert.match(await readFile(config, 'utf8'), /^(?:retention\.)?recovery-window = "14d"/m);
  const marker = JSON.parse(await readFile(join(directory, 'repo', 'walvault.json'), 'utf8')) as {
    id: string;
  };
  assert.ok((await readFile(config, 'utf8')).includes(`id = "${marker.id}"`));

  const second = await walvault([...argv, ...options]);
  assert.equal(second.status, 20);
  assert.match(second.stderr, /exists already; nothing was changed/);

  const again = await walvault(['init', '--existing-config', '--json'], { WALVAULT_CONFIG: config });
  assert.equal(again.status, 0, again.stderr);
  assert.deepEqual(JSON.parse(again.stdout), [
    { name: 'main', url: `file://${directory}/repo`, id: marker.id, isPinned: true },
  ]);
});

test('init --existing-config for a container: everything from the environment', async () => {
  const directory = temporaryDirectory('cli-init', { keepOwner: true });
  const env = { WALVAULT_CLUSTER: 'orders', WALVAULT_REPOSITORY_URL: `file://${directory}` };
  const { status, stdout, stderr } = await walvault(['init', '--existing-config'], env);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /Repository "main" is ready.*\n {2}To recognise it ever after.*id = "/);
});

test('init with a passphrase tells to keep a copy and does not print it; with JSON it prints JSON alone', async () => {
  const directory = temporaryDirectory('cli-init', { keepOwner: true });
  await writeFile(join(directory, 'pass'), 'hush-a-bye-baby-on-the-tree-top\n');
  const argv = ['--cluster', 'orders', '--passphrase-file', join(directory, 'pass'), '--create-directory'];
  const run = async (name: string, ...more: string[]) =>
    await walvault([
      'init',
      '--config',
      join(directory, `${name}.toml`),
      '--repository',
      `near=file://${directory}/${name}`,
      ...argv,
      ...more,
    ]);
  const { status, stdout, stderr } = await run('a');
  assert.equal(status, 0, stderr);
  assert.match(stdout, /3\. Keep a copy of the passphrase elsewhere/);
  assert.doesNotMatch(stdout + stderr, /hush/);
  const json = JSON.parse((await run('b', '--json')).stdout) as { repositories: { name: string }[] };
  assert.equal(json.repositories[0]?.name, 'near');
  await writeFile(join(directory, 'pass'), 'a\n');
  const weak = await run('c');
  assert.equal(weak.status, 20);
  assert.match(weak.stderr, /its passphrase has less than 15 characters\nHINT: {2}.*openssl rand/);
});

test('--owner names a user that exists', async () => {
  const { status, stderr } = await walvault([
    'init',
    '--cluster',
    'a',
    '--repository',
    'file:///nonexistent',
    '--no-encryption',
    '--owner',
    'no-such-user',
  ]);
  assert.equal(status, 2);
  assert.match(stderr, /^walvault: there is no user "no-such-user"$/m);
});
