import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { errorCodes, WalvaultError } from '../../../src/base/errors/errors.ts';
import { Secret } from '../../../src/base/secret.ts';
import { renderedJson as text } from '../../../src/cli/render/result-text.ts';
import { runCli } from '../../../src/cli/program.ts';
import type { DefineVerb, Invocation } from '../../../src/cli/verb.ts';
import { temporaryDirectory } from '../../support/site/temp.ts';

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Setting {
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  readonly verbs?: readonly DefineVerb[];
  readonly columns?: number | undefined;
}

async function walvault(argv: readonly string[], setting: Setting = {}): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  const status = await runCli(
    argv,
    {
      signal: setting.signal ?? new AbortController().signal,
      env: setting.env ?? {},
      stdout: text => (stdout += text),
      stderr: text => (stderr += text),
      isTty: false,
      columns: setting.columns,
    },
    ...(setting.verbs === undefined ? [] : [setting.verbs]),
  );
  return { status, stdout, stderr };
}

/** A verb `work` that does what the test says. */
function verb(work: (invocation: Invocation) => Promise<number | void>): DefineVerb[] {
  return [(program, run) => void program.command('work').action(async () => await run(work))];
}

describe('usage', () => {
  const cases: [string, RegExp, RegExp][] = [
    ['confg show', /^walvault: unknown command 'confg'$/m, /^HINT: {2}Did you mean config\?$/m],
    ['config shw', /^walvault: unknown command 'shw'$/m, /Did you mean show\?/],
    ['config', /^walvault: a command is missing$/m, /walvault --help/],
    ['config show --jsn', /^walvault: unknown option '--jsn'$/m, /Did you mean --json\?/],
    ['config show more', /^walvault: too many arguments/m, /walvault --help/],
    ['-q -v config show', /cannot be used with/, /HINT/],
    ['init --cluster', /^walvault: option '--cluster <name>' argument missing$/m, /HINT/],
    ['init', /^walvault: --cluster is missing$/m, /--cluster orders/],
    ['init --cluster a', /^walvault: --repository is missing$/m, /file:\/\/\/mnt\/archive/],
    ['init --cluster A --repository file:///x', /^walvault: "A" is not a cluster's name$/m, /lower-case/],
    ['init --cluster a --repository file:///x', /^walvault: no key to encrypt to$/m, /--generate-keys/],
    ['init --cluster a --repository file:///x --no-encryption --recipient k', /cannot be used with/, /HINT/],
    ['restore', /^walvault: missing required argument 'directory'$/m, /HINT/],
    [
      'restore /x --target-action stay',
      /^walvault: option '--target-action <action>' argument 'stay' is invalid/m,
      /HINT/,
    ],
    ['restore /x --target-timeline 0', /--target-timeline takes a number, "current" or "latest"/, /HINT/],
    ['gap ack --timeline 1', /^walvault: required option '--reason <text>' not specified$/m, /HINT/],
    ['gap ack --timeline one --reason r', /--timeline takes a number, not "one"/, /HINT/],
    ['gap ack --timeline 1 --system-id x --reason r', /"x" is not a system identifier/, /HINT/],
    ['restore /x --target-xid 5 --target-immediate', /only one recovery target can be given/, /HINT/],
    ['init --existing-config --cluster a', /cannot be used with/, /HINT/],
  ];
  for (const [line, message, hint] of cases)
    test(`${line}: one line and a hint, status 2`, async () => {
      const { status, stdout, stderr } = await walvault(line.split(' '));
      assert.equal(status, errorCodes.usage);
      assert.equal(stdout, '');
      assert.match(stderr, message);
      assert.match(stderr, hint);
      assert.equal(stderr.trimEnd().split('\n').length, 2, stderr);
    });

  test('nothing at all: the help, on standard error, status 2', async () => {
    const { status, stdout, stderr } = await walvault([]);
    assert.equal(status, errorCodes.usage);
    assert.equal(stdout, '');
    assert.match(stderr, /^Usage: walvault/);
  });

  test('--help and --version are results', async () => {
    for (const line of ['--help', 'help', 'init --help', 'config show --help', 'help init']) {
      const { status, stdout, stderr } = await walvault(line.split(' '));
      assert.deepEqual([status, stderr], [0, ''], line);
      assert.match(stdout, /^Usage: walvault/);
    }
    assert.match((await walvault(['init', '--help'])).stdout, /Examples:[\s\S]*--recipient/);
    assert.match((await walvault(['--version'])).stdout, /^walvault \d+\.\d+\.\d+ .*\n$/);
  });
});

describe('help', () => {
  test('that was asked for is a success, whatever exit status the process has so far', async () => {
    const before = process.exitCode;
    process.exitCode = errorCodes.internal;
    try {
      for (const line of ['help', 'help init', 'help push', 'store help ls', 'help store']) {
        const { status, stdout, stderr } = await walvault(line.split(' '));
        assert.deepEqual([status, stderr], [0, ''], line);
        assert.match(stdout, /^Usage: walvault/);
      }
      const unknown = await walvault(['help', 'inti']);
      assert.deepEqual([unknown.status, unknown.stdout], [errorCodes.usage, '']);
      assert.match(unknown.stderr, /^walvault: unknown command 'inti'$/m);
    } finally {
      process.exitCode = before;
    }
  });

  test('is as wide as the terminal, and commands in it stay as they are', async () => {
    const widest = async (columns: number | undefined, env = {}) => {
      const { stdout } = await walvault(['restore', '--help'], { columns, env });
      return Math.max(...stdout.split('\n').map(line => (line.startsWith('  walvault') ? 0 : line.length)));
    };
    assert.ok((await widest(72)) <= 72);
    assert.ok((await widest(undefined)) <= 80);
    assert.ok((await widest(undefined, { COLUMNS: '100' })) > 80);
    assert.ok((await widest(200)) > 120);
    const { stdout } = await walvault(['restore', '--help'], { columns: 72 });
    assert.match(
      stdout,
      /^ {2}walvault restore \/var\/lib\/postgresql\/15\/restored --target-time '2026-11-22 10:00:00\+00'$/m,
    );
  });
});

describe('output', () => {
  const quietly = async (work: (invocation: Invocation) => void, args: readonly string[] = ['-q']) =>
    await walvault([...args, 'work'], { verbs: verb(invocation => Promise.resolve(work(invocation))) });

  test('--quiet leaves out what was done, and nothing that was asked for', async () => {
    const done = ({ tell }: Invocation) => tell(text('done\n'));
    assert.equal((await quietly(done, [])).stdout, 'done\n');
    assert.deepEqual(await quietly(done), { status: 0, stdout: '', stderr: '' });
    assert.equal((await quietly(({ tell }) => tell(text('{}\n'), true))).stdout, '{}\n');
    assert.equal((await quietly(({ print }) => print(text('a list\n')))).stdout, 'a list\n');
  });

  test('a result does not stick to the line of progress before it', async () => {
    let terminal = '';
    const write = (text: string) => void (terminal += text);
    const context = {
      signal: new AbortController().signal,
      env: {},
      stdout: write,
      stderr: write,
      isTty: true,
    };
    const verbs = verb(({ log, tell }) => {
      log.emit({ kind: 'progress', stage: 'backup', doneBytes: 5 });
      tell(text('done\n'));
      return Promise.resolve();
    });
    await runCli(['work'], context, verbs);
    assert.equal(terminal, '\r\u001B[Kbackup: 5 B\r\u001B[Kdone\n');
  });
});

describe('failures', () => {
  test('a WalvaultError gives its line, hint and status', async () => {
    const verbs = verb(() =>
      Promise.reject(new WalvaultError('damaged', 'part 3 is damaged', { hint: 'Try the copy.' })),
    );
    const { status, stderr } = await walvault(['work'], { verbs });
    assert.equal(status, errorCodes.damaged);
    assert.equal(stderr, 'walvault: part 3 is damaged\nHINT:  Try the copy.\n');
  });

  test('anything else is an internal error without a stack, with one under --verbose', async () => {
    const verbs = verb(() => Promise.reject(new Error('boom')));
    const { status, stderr } = await walvault(['work'], { verbs });
    assert.equal(status, errorCodes.internal);
    assert.equal(stderr, 'walvault: internal error: boom\n');
    assert.match((await walvault(['-v', 'work'], { verbs })).stderr, /program\.test\.ts/);
  });

  test('after a signal nothing more is said, whatever the work threw: the process edge has told', async () => {
    const signal = AbortSignal.abort(new WalvaultError('interrupted', 'interrupted by SIGTERM'));
    const verbs = verb(() => Promise.reject(new Error('socket closed')));
    const { status, stderr } = await walvault(['work'], { verbs, signal });
    assert.equal(status, errorCodes.interrupted);
    assert.equal(stderr, '');
  });

  test('the status of the work is the status', async () => {
    assert.equal((await walvault(['work'], { verbs: verb(() => Promise.resolve(16)) })).status, 16);
    assert.equal((await walvault(['work'], { verbs: verb(() => Promise.resolve()) })).status, 0);
  });
});

describe('output', () => {
  test('--quiet keeps warnings, --verbose adds debugging', async () => {
    const verbs = verb(({ log }) => {
      log.emit({ kind: 'file-absent', file: 'f' });
      log.emit({ kind: 'missing-file-sent', file: 'f' });
      log.emit({ kind: 'backup-left-out', backup: 'b', problem: 'p' });
      log.emit({ kind: 'object-not-copied', object: 'k', problem: 'p' });
      return Promise.resolve();
    });
    const lines = async (...argv: string[]) =>
      (await walvault([...argv, 'work'], { verbs })).stderr.trimEnd().split('\n');
    const important = ['walvault: WARNING: backup b is left out: p', 'walvault: ERROR: k: p'];
    assert.deepEqual(await lines(), ['walvault: f sent', ...important]);
    assert.deepEqual(await lines('--quiet'), important);
    assert.deepEqual(await lines('--verbose'), [
      'walvault: debug: f is not in the archive',
      'walvault: f sent',
      ...important,
    ]);
  });

  test('secrets of the configuration and others are kept out of everything', async () => {
    const env = {
      WALVAULT_CLUSTER: 'a',
      WALVAULT_REPOSITORY_URL: 'file:///b',
      WALVAULT_ENCRYPTION_PASSPHRASE: 'hush hush',
    };
    const verbs = verb(async ({ log, print, loadConfig, hide }) => {
      await loadConfig();
      hide([new Secret('tell-nobody')]);
      print(text('out hush hush tell-nobody\n'));
      log.emit({ kind: 'missing-file-sent', file: 'log hush%20hush' });
      throw new Error('error hush hush');
    });
    const { stdout, stderr } = await walvault(['work'], { verbs, env });
    assert.equal(stdout, 'out *** ***\n');
    assert.equal(stderr, 'walvault: log *** sent\nwalvault: internal error: error ***\n');
  });
});

describe('config show', () => {
  const directory = temporaryDirectory('cli');
  const path = join(directory, 'walvault.toml');

  test('prints value and origin, as a table and as JSON, secrets hidden', async () => {
    await writeFile(
      path,
      'cluster = "orders"\n[encryption]\npassphrase = "hush-hush"\n[[repository]]\nurl = "file:///b"\n',
      { mode: 0o600 },
    );
    const env = { WALVAULT_CONFIG: path, WALVAULT_COMPRESSION_LEVEL: '3' };
    const { status, stdout, stderr } = await walvault(['config', 'show'], { env });
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^SETTING +VALUE +ORIGIN$/m);
    assert.match(stdout, /^compression\.level +3 +WALVAULT_COMPRESSION_LEVEL$/m);
    assert.match(stdout, /^encryption\.passphrase +\*\*\* +\/.*walvault\.toml:3$/m);
    assert.match(stdout, /^archive\.timeout +"30s" +default$/m);
    assert.doesNotMatch(stdout, /hush/);
    const json = JSON.parse(
      (await walvault(['config', 'show', '--json', '--config', path])).stdout,
    ) as unknown[];
    assert.deepEqual(json[0], { name: 'cluster', value: '"orders"', origin: `${path}:1` });
  });

  test('a bad configuration is one line, status 3', async () => {
    const { status, stderr } = await walvault(['--config', join(directory, 'none.toml'), 'config', 'show']);
    assert.equal(status, errorCodes.config);
    assert.match(
      stderr,
      /^walvault: configuration file .*none\.toml does not exist\nHINT: {2}.*walvault init/,
    );
  });
});
