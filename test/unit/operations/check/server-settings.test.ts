import assert from 'node:assert/strict';
import { test } from 'vitest';
import { judgeSettings } from '../../../../src/operations/check/server-settings.ts';
import { WalGeometry } from '../../../../src/postgres/wal/geometry.ts';
import type { ServerState } from '../../../../src/postgres/server/state.ts';

const sound: ServerState = {
  systemId: 7_300_000_000_000_000_001n,
  isStandby: false,
  timeline: 1,
  geometry: new WalGeometry(16 * 1024 ** 2),
  port: 5432,
  walLevel: 'replica',
  fullPageWrites: true,
  archiveMode: 'on',
  archiveCommand: '/usr/local/bin/walvault push %p',
  archiveLibrary: '',
  archiveTimeoutSeconds: 60,
  dataChecksums: true,
  dataDirectory: '/var/lib/postgresql/15/main',
  configurationFiles: ['/etc/postgresql/15/main/postgresql.conf'],
  showsConfigurationFiles: true,
};

const faults = (changed: Partial<ServerState>) =>
  judgeSettings({ ...sound, ...changed }, '/etc/walvault.toml').filter(({ status }) => status !== 'ok');

test('a server that archives as it should has nothing to be said', () => {
  assert.deepEqual(faults({}), []);
});

test('a role that may not see where the configuration files are is warned that a backup lacks them', () => {
  const [fault, ...others] = faults({ showsConfigurationFiles: false, configurationFiles: [] });
  assert.deepEqual([fault?.status, others], ['warn', []]);
  assert.match(fault?.message ?? '', /may not see where the configuration files are: a backup lacks those/);
  assert.match(fault?.hint ?? '', /pg_read_all_settings/);
});

test('archive_mode = off fails a primary and warns on a standby, and the command, which it hides, is not judged', () => {
  const off = { archiveMode: 'off', archiveCommand: '' } as const;
  const judged = (isStandby: boolean) =>
    faults({ ...off, isStandby }).map(({ status, message }) => [status, message.split(/[: ]/)[0]]);
  assert.deepEqual(judged(false), [
    ['fail', 'archive_mode'],
    ['skip', 'archive_command'],
  ]);
  assert.deepEqual(judged(true), [
    ['warn', 'archive_mode'],
    ['skip', 'archive_command'],
  ]);
});
