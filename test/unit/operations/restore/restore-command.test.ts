import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { test } from 'vitest';
import { restoreCommandOf } from '../../../../src/operations/restore/restore-command.ts';

test('the plain form', () => {
  const command = restoreCommandOf({
    walvaultCommand: ['/usr/bin/walvault'],
    configPath: '/etc/walvault.toml',
    timeline: 3,
    hasTarget: true,
  });
  assert.equal(
    command,
    'exec /usr/bin/walvault fetch --config /etc/walvault.toml --timeline 3 --target-set %f "%p"',
  );
});

test('a copy from the past of a repository replays that past', () => {
  const command = restoreCommandOf({
    walvaultCommand: ['/usr/bin/walvault'],
    configPath: undefined,
    timeline: 1,
    hasTarget: false,
    past: { at: new Date('2026-11-22T10:00:00.123Z'), repository: 'offsite' },
  });
  assert.equal(
    command,
    'exec /usr/bin/walvault fetch --timeline 1 --repository offsite --repository-time 2026-11-22T10:00:00.123Z %f "%p"',
  );
});

test('the shell sees each word whole after PostgreSQL has replaced its placeholders', () => {
  const command = restoreCommandOf({
    walvaultCommand: ['printf', '%s\\n'],
    configPath: "/odd path/it's 100% $HOME/`w`.toml",
    timeline: 1,
    hasTarget: false,
  });
  const replaced = replacePlaceholders(command);
  assert.deepEqual(execFileSync('sh', ['-c', replaced], { encoding: 'utf8' }).trimEnd().split('\n'), [
    'fetch',
    '--config',
    "/odd path/it's 100% $HOME/`w`.toml",
    '--timeline',
    '1',
    'F',
    'P Q',
  ]);
});

test('the shell starts no process, which it may be unable to, but becomes walvault', () => {
  const command = restoreCommandOf({
    walvaultCommand: ['sh', '-c', 'echo $$'],
    configPath: undefined,
    timeline: 1,
    hasTarget: true,
  });
  const { pid, stdout } = spawnSync('sh', ['-c', replacePlaceholders(command)], { encoding: 'utf8' });
  assert.equal(stdout, `${pid}\n`);
});

/** As PostgreSQL does. */
function replacePlaceholders(command: string): string {
  return command.replaceAll(/%[%fp]/g, found => ({ '%%': '%', '%f': 'F', '%p': 'P Q' })[found] ?? '');
}
