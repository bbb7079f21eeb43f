import assert from 'node:assert/strict';
import { test } from 'vitest';
import { judgeArchiveCommand } from '../../../../src/operations/check/archive-command.ts';

const judge = (command: string, configPath: string | undefined = '/etc/walvault.toml') =>
  judgeArchiveCommand({ command, configPath, defaultConfigPath: '/etc/walvault.toml' });

test('the ordinary forms', () => {
  assert.equal(judge('walvault push %p').status, 'ok');
  assert.equal(judge('/usr/local/bin/walvault push %p').status, 'ok');
  assert.equal(judge('walvault push "%p"').status, 'ok');
  assert.equal(judge('walvault --config /etc/walvault.toml push %p').status, 'ok');
  assert.equal(judge("walvault --config '/srv/my config' push %p", '/srv/my config').status, 'ok');
  assert.equal(judge('walvault --config=/srv/a%%b push %p', '/srv/a%b').status, 'ok');
  assert.equal(judge('WALVAULT_CONFIG=/srv/w.toml walvault push %p', '/srv/w.toml').status, 'ok');
  assert.equal(judge('test ! -f /tmp/hold && walvault push %p').status, 'ok');
});

test('another configuration than the one that is checked', () => {
  const other = judge('walvault --config /srv/other.toml push %p', '/srv/mine.toml');
  assert.equal(other.status, 'fail');
  assert.match(other.message, /\/srv\/other\.toml, not \/srv\/mine\.toml/);
  assert.match(other.hint ?? '', /walvault --config \/srv\/mine\.toml push %p/);
  assert.equal(judge('walvault push %p', '/srv/mine.toml').status, 'warn');
  assert.equal(judge('walvault push %p', undefined).status, 'ok');
});

test('commands that archive nothing, or in another way', () => {
  assert.equal(judge('').status, 'fail');
  assert.equal(judge('walvault fetch %f %p').status, 'fail');
  assert.equal(judge('walvault push %f').status, 'fail');
  assert.equal(judge('/usr/local/bin/archive-wal %p').status, 'warn');
  assert.match(judge('').hint ?? '', /archive_command = 'walvault push %p'/);
});
