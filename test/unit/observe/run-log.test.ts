import assert from 'node:assert/strict';
import { readFileSync, renameSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'vitest';
import { Secret } from '../../../src/base/secret.ts';
import { Redactor } from '../../../src/observe/redact.ts';
import { RunLog, type LogSettings, type RunLogOptions } from '../../../src/observe/run-log.ts';
import { temporaryDirectory } from '../../support/site/temp.ts';

function bench(options: Partial<RunLogOptions> = {}) {
  let written = '';
  let timeMs = 1000;
  const redactor = new Redactor();
  redactor.add([new Secret('tell-nobody')]);
  const log = new RunLog({
    verb: 'copy',
    argv: ['copy', '--secret-access-key-file', '/k', '--to=offsite', 'tell-nobody'],
    verbose: false,
    quiet: false,
    stderr: text => void (written += text),
    isTty: false,
    redactor,
    given: {},
    now: () => timeMs,
    ...options,
  });
  return { log, pass: (ms: number) => void (timeMs += ms), stderr: () => written };
}

function parsed(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>);
}

const notCopied = { kind: 'object-not-copied', object: 'k', problem: 'tell-nobody\nnow' } as const;

describe('standard error', () => {
  test('as JSON says who started what, in the same order as all else, without secrets', () => {
    const { log, pass, stderr } = bench({ given: { format: 'json' }, verbose: true });
    log.configure({ format: 'text', file: undefined, level: 'info' }, ['main']);
    log.emit(notCopied);
    const failure = { code: 'conflict', message: 'tell-nobody', retry: false } as const;
    assert.equal(log.report({ kind: 'run-failed', exitStatus: 8, failure }), true);
    pass(250);
    log.end(8);
    const [started, object, failed, ended, ...rest] = parsed(stderr());
    assert.deepEqual(rest, []);
    assert.equal(started?.['kind'], 'run-started');
    assert.equal(started['host'], hostname());
    assert.equal(started['pid'], process.pid);
    assert.deepEqual(started['repositories'], ['main']);
    assert.deepEqual(started['arguments'], [
      'copy',
      '--secret-access-key-file',
      '***',
      '--to=offsite',
      '***',
    ]);
    assert.equal(object?.['problem'], '***\nnow');
    assert.deepEqual(failed?.['failure'], { code: 'conflict', message: '***', retry: false });
    assert.deepEqual([ended?.['exitStatus'], ended?.['durationMs']], [8, 250]);
    assert.doesNotMatch(stderr(), /tell-nobody/);
  });

  test('as text leaves the run itself to the process edge, also with -v', () => {
    const { log, stderr } = bench({ verbose: true });
    log.configure({ format: 'text', file: undefined, level: 'debug' }, []);
    assert.equal(log.report({ kind: 'run-interrupted', signal: 'SIGTERM' }), false);
    log.end(18);
    assert.equal(stderr(), '');
  });

  test('has progress as JSON every ten seconds', () => {
    const { log, pass, stderr } = bench({ given: { format: 'json' } });
    for (let doneBytes = 0; doneBytes <= 25; doneBytes++) {
      log.emit({ kind: 'progress', stage: 'copy', doneBytes });
      pass(1000);
    }
    assert.deepEqual(
      parsed(stderr()).map(event => event['doneBytes']),
      [10, 20],
    );
  });
});

describe('the log file', () => {
  const open = (settings: Partial<LogSettings> = {}) => {
    const file = join(temporaryDirectory('log'), 'walvault.log');
    const { log, ...rest } = bench();
    log.configure({ format: 'text', file, level: 'info', ...settings }, []);
    return { log, file, read: () => readFileSync(file, 'utf8'), ...rest };
  };

  test('has one line for each event of its level, is appended to and readable by a group', () => {
    const umask = process.umask(0o077);
    try {
      const { log, file, read } = open({ level: 'warn' });
      log.emit({ kind: 'missing-file-sent', file: 'f' });
      log.emit(notCopied);
      log.emit({ kind: 'encryption-off' });
      const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;
      assert.match(
        read(),
        new RegExp(
          String.raw`^${time} \[\d+\] ERROR: k: \*\*\* now\n${time} \[\d+\] WARNING: nothing will be encrypted HINT: Whoever .*\n$`,
        ),
      );
      assert.equal(statSync(file).mode & 0o777, 0o640);
      const other = bench();
      other.log.configure({ format: 'json', file, level: 'debug' }, []);
      other.log.emit({ kind: 'owner-missing' });
      assert.deepEqual(
        parsed(read().split('\n').slice(2).join('\n')).map(({ kind }) => kind),
        ['run-started', 'owner-missing'],
      );
    } finally {
      process.umask(umask);
    }
  });

  test("belongs to the directory's owner, also where root is the first to write", () => {
    const { log, file } = open();
    log.emit(notCopied);
    assert.equal(statSync(file).uid, statSync(dirname(file)).uid);
  });

  test('that was rotated away is followed after it is opened anew', () => {
    const { log, file, read } = open();
    log.emit(notCopied);
    renameSync(file, `${file}.1`);
    log.emit(notCopied);
    assert.equal(readFileSync(`${file}.1`, 'utf8').split('\n').length, 3);
    assert.equal(log.reopen(), true);
    log.emit(notCopied);
    assert.equal(read().split('\n').length, 2);
    assert.equal(bench().log.reopen(), false);
  });

  test('that cannot be written is one warning', () => {
    const { log, stderr } = open({ file: join(temporaryDirectory('log'), 'none/walvault.log') });
    log.emit({ kind: 'missing-file-sent', file: 'f' });
    log.emit({ kind: 'missing-file-sent', file: 'g' });
    assert.match(
      stderr(),
      /^walvault: WARNING: the log file .* cannot be written: no such file or directory\nwalvault: f sent\nwalvault: g sent\n$/,
    );
  });

  test('has what another process shows, and gives it the line', () => {
    const { log, read } = open();
    const { level, text } = log.lineFor(notCopied);
    assert.deepEqual([level, text], ['error', 'walvault: ERROR: k: *** now\n']);
    const failure = { code: 'conflict', message: 'no', retry: false } as const;
    assert.equal(log.reportFor({ kind: 'run-failed', exitStatus: 8, failure }), undefined);
    assert.equal(read().split('\n').length, 3);
  });
});
