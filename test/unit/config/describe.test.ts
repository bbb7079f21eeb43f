import assert from 'node:assert/strict';
import { test } from 'vitest';
import { describeSettings, loadConfig } from '../../../src/config/index.ts';

test('shows each setting with its value as written and its origin, secrets hidden', async () => {
  const secrets: string[] = [];
  const loaded = await loadConfig({
    onSecret: secret => secrets.push(secret.reveal()),
    defaultPath: '/nonexistent.toml',
    env: {
      WALVAULT_CLUSTER: 'orders',
      WALVAULT_REPOSITORY_URL: 'file:///b',
      WALVAULT_ARCHIVE_TIMEOUT: '90s',
      WALVAULT_RETENTION_RECOVERY_WINDOW: '2w',
      WALVAULT_ENCRYPTION_WAL_RECIPIENTS: '/k.asc',
      WALVAULT_ENCRYPTION_PASSPHRASE: 'hush-hush',
    },
  });
  const shown = new Map(describeSettings(loaded).map(({ name, text, origin }) => [name, [text, origin]]));
  assert.deepEqual(shown.get('cluster'), ['"orders"', 'WALVAULT_CLUSTER']);
  assert.deepEqual(shown.get('archive.timeout'), ['"90s"', 'WALVAULT_ARCHIVE_TIMEOUT']);
  assert.deepEqual(shown.get('retention.recovery-window'), ['"14d"', 'WALVAULT_RETENTION_RECOVERY_WINDOW']);
  assert.deepEqual(shown.get('backup.part-size'), ['"256MiB"', 'default']);
  assert.deepEqual(shown.get('backup.check-pages'), ['"on"', 'default']);
  assert.deepEqual(shown.get('compression.level'), ['1', 'default']);
  assert.deepEqual(shown.get('encryption.backup-recipients'), ['["/k.asc"]', 'default']);
  assert.deepEqual(shown.get('encryption.passphrase'), ['***', 'WALVAULT_ENCRYPTION_PASSPHRASE']);
  assert.deepEqual(shown.get('signing.key'), [undefined, 'default']);
  assert.deepEqual(shown.get('repository.main.url'), ['"file:///b"', 'WALVAULT_REPOSITORY_URL']);
  assert.deepEqual(secrets, ['hush-hush']);
  assert.doesNotMatch(JSON.stringify([...shown]), /hush/);
});
