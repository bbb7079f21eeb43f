import assert from 'node:assert/strict';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it, onTestFinished, vi } from 'vitest';
import { digestEnvironment, readFingerprint } from '../../../src/agent/client/fingerprint.ts';
import { isSameEnvironment } from '../../../src/agent/environment.ts';
import { WatchedFiles } from '../../../src/agent/watched-files.ts';
import { temporaryDirectory } from '../../support/site/temp.ts';

it('an agent and whoever asks it need not agree on variables that change nothing', () => {
  const own = digestEnvironment({ WALVAULT_CLUSTER: 'a', HOME: '/h', PATH: '/bin' });
  const same = (env: NodeJS.ProcessEnv, named: string[] = []) =>
    isSameEnvironment(own, digestEnvironment(env), named);
  assert.ok(same({ WALVAULT_CLUSTER: 'a', HOME: '/h', PATH: '/else', LANG: 'C', WALVAULT_CONFIG: '/x' }));
  assert.ok(
    same({ WALVAULT_CLUSTER: 'a', WALVAULT_AGENT_MODE: 'off' }),
    'an agent of its own beside a server that starts none',
  );
  assert.ok(same({ WALVAULT_CLUSTER: 'a' }), 'a supervisor may have no HOME');
  assert.ok(!same({ WALVAULT_CLUSTER: 'b', HOME: '/h' }));
  assert.ok(!same({ HOME: '/h' }));
  assert.ok(!same({ WALVAULT_CLUSTER: 'a', HOME: '/other' }));
  assert.ok(!same({ WALVAULT_CLUSTER: 'a', HOME: '/h', AWS_PROFILE: 'x' }));
  assert.ok(!same({ WALVAULT_CLUSTER: 'a', HOME: '/h', https_proxy: 'x' }));
  assert.ok(!same({ WALVAULT_CLUSTER: 'a', HOME: '/h', BACKUP_KEY: 'x' }, ['BACKUP_KEY']));
  assert.ok(!JSON.stringify(digestEnvironment({ SECRET: 'hunter22' })).includes('hunter22'));
});

it('the fingerprint is that of the content of the configuration', () => {
  const path = join(temporaryDirectory('fingerprint', { keepOwner: true }), 'walvault.toml');
  const absent = readFingerprint(path);
  writeFileSync(path, 'cluster = "a"');
  const first = readFingerprint(path);
  assert.notEqual(first, absent);
  utimesSync(path, 1, 1);
  assert.equal(readFingerprint(path), first);
  writeFileSync(path, 'cluster = "b"');
  assert.notEqual(readFingerprint(path), first);
});

it('watched files change with their content, by being exchanged, and by coming or going', async () => {
  const directory = temporaryDirectory('watched', { keepOwner: true });
  const key = join(directory, 'key.asc');
  const none = join(directory, 'none');
  writeFileSync(key, 'secret');
  assert.ok(
    new WatchedFiles([key], Date.now() - 1000).hasChanged(),
    'it may have been read before it changed',
  );
  await new Promise(resolve => setTimeout(resolve, 60));
  const watched = () => new WatchedFiles([key, none, directory], Date.now());
  const first = watched();
  assert.ok(!first.hasChanged());
  mkdirSync(join(directory, 'something'));
  assert.ok(!first.hasChanged(), 'directories change all the time');
  writeFileSync(none, '');
  assert.ok(first.hasChanged());
  await new Promise(resolve => setTimeout(resolve, 60));
  const second = watched();
  writeFileSync(key, 'SECRET');
  assert.ok(second.hasChanged());
});

it('a file that changed at a time yet to come, before the clock was set back, is watched like others', () => {
  const key = join(temporaryDirectory('watched', { keepOwner: true }), 'key.asc');
  writeFileSync(key, 'secret');
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 });
  onTestFinished(() => void vi.useRealTimers());
  const watched = new WatchedFiles([key], Date.now());
  assert.ok(!watched.hasChanged());
  writeFileSync(key, 'another secret');
  assert.ok(watched.hasChanged());
});
