/** What the executable says as JSON and in a log file, and what an agent does when that is rotated. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { agentPlace } from '../support/site/agents.ts';
import { createSite, until } from '../support/site/site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';
import { startForegroundAgent } from '../support/torture/foreground-agent.ts';
import { createPusher, patience } from '../support/torture/pusher.ts';

type Line = Readonly<Record<string, unknown>>;

const site = await createSite();
const pusher = await createPusher(site, { segmentSizeMiB: 1 });

function parsed(text: string): Line[] {
  const lines = text.trimEnd().split('\n');
  return lines.map(line => JSON.parse(line) as Line);
}

const kindsOf = (lines: readonly Line[]) => lines.map(({ kind }) => kind);

function logPath(): string {
  const directory = temporaryDirectory('log');
  writeFileSync(join(directory, 'walvault.log'), '');
  giveToUnprivileged(directory);
  return join(directory, 'walvault.log');
}

describe('--log-format json', () => {
  it('makes each line of standard error an object, the failure and its status among them', async () => {
    const file = join(pusher.directory, 'none');
    const wrong = await site.walvault(['--log-format', 'json', '-v', 'push', file], {
      cwd: pusher.directory,
    });
    const lines = parsed(wrong.stderr);
    assert.deepEqual([lines[0]?.['kind'], lines.at(-1)?.['kind']], ['run-started', 'run-ended']);
    assert.deepEqual(lines[0]?.['repositories'], ['main']);
    const failed = lines.find(({ kind }) => kind === 'run-failed');
    assert.equal(failed?.['exitStatus'], wrong.exitCode);
    assert.equal(failed['level'], 'error');

    const list = await site.walvault(['--log-format', 'json', 'list'], {
      env: { WALVAULT_REPOSITORY_URL: 'file:///none' },
    });
    const [only, ...others] = parsed(list.stderr);
    assert.deepEqual(others, []);
    assert.deepEqual([only?.['kind'], only?.['exitStatus']], ['run-failed', list.exitCode]);

    const unknown = await site.walvault(['--log-format', 'xml', 'list']);
    assert.equal(unknown.exitCode, 2);
    assert.match(unknown.stderr, /^walvault: --log-format takes text or json, not "xml"\n/);
  });
});

describe('--log-file', () => {
  it('keeps what a push says, and who pushed what with log.level = debug', async () => {
    const path = logPath();
    const env = { WALVAULT_LOG_LEVEL: 'debug' };
    const result = await pusher.push(pusher.writeSegment(1), {
      env: { ...env, WALVAULT_LOG_FILE: path, WALVAULT_LOG_FORMAT: 'json' },
    });
    assert.equal(result.exitCode, 0, result.stderr);
    assert.equal(result.stderr, '');
    const kinds = kindsOf(parsed(readFileSync(path, 'utf8')));
    assert.deepEqual([kinds[0], kinds.at(-1)], ['run-started', 'run-ended']);

    const failed = await site.walvault(['--log-file', path, 'push', 'none'], { cwd: pusher.directory, env });
    const last = readFileSync(path, 'utf8').trimEnd().split('\n').slice(-2);
    const message = /^walvault: (.*)\n/.exec(failed.stderr)?.[1] ?? 'nothing';
    assert.equal(last[0]?.replace(/^.* ERROR: /, '').split(' HINT: ')[0], message);
    assert.match(last[1] ?? '', / DEBUG: push ended with status /);
  });

  it('that is a named pipe keeps no push waiting for its reader', async () => {
    const pipe = join(temporaryDirectory('log'), 'pipe');
    execFileSync('mkfifo', ['-m', '0666', pipe]);
    const result = await pusher.push(pusher.writeSegment(5), {
      env: { WALVAULT_LOG_FILE: pipe, WALVAULT_LOG_LEVEL: 'debug' },
    });
    assert.equal(result.exitCode, 0, result.stderr);
    assert.match(
      result.stderr,
      /^walvault: WARNING: the log file .* cannot be written: a named pipe is in its place\n$/,
    );
  });

  it('that cannot be written is a warning, and the push a success', async () => {
    const env = { WALVAULT_LOG_FILE: '/none/walvault.log', WALVAULT_LOG_LEVEL: 'debug' };
    const result = await pusher.push(pusher.writeSegment(2), { env });
    assert.equal(result.exitCode, 0, result.stderr);
    assert.equal(
      result.stderr,
      'walvault: WARNING: the log file /none/walvault.log cannot be written: no such file or directory\n',
    );
  });

  it('is opened anew by an agent on SIGHUP, which stays and goes on', async () => {
    const path = logPath();
    const place = agentPlace({ ...patience, WALVAULT_LOG_FILE: path, WALVAULT_LOG_FORMAT: 'json' });
    const agent = await startForegroundAgent(site, place, {
      dataDirectory: pusher.directory,
      until: 'listening',
    });
    try {
      renameSync(path, `${path}.1`);
      agent.child.kill('SIGHUP');
      const segment = pusher.writeSegment(3);
      const { env } = place;
      writeFileSync(join(pusher.directory, 'pg_wal', segment.name), 'too short for a segment');
      const refused = await pusher.push(segment, { env });
      const told = parsed(refused.stderr);
      assert.deepEqual(kindsOf(told), ['run-failed']);
      assert.equal(told[0]?.['exitStatus'], refused.exitCode);
      await until('the agent writes to the new file', () => readIfThere(path).includes('run-failed'));
      assert.ok(readFileSync(`${path}.1`, 'utf8').includes('agent-listening'));
      assert.equal(agent.child.exitCode, null, agent.output());
    } finally {
      agent.child.kill('SIGTERM');
      await agent.ended();
    }
  });
});

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
