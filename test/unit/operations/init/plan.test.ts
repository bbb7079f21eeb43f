import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, test } from 'vitest';
import { defaultConfigPath } from '../../../../src/config/index.ts';
import { planInit } from '../../../../src/operations/init/plan.ts';
import { postgresqlLines } from '../../../../src/operations/init/postgresql-lines.ts';
import type { InitRequest } from '../../../../src/operations/init/request.ts';

function request(change: Partial<InitRequest> & { generateInto?: string | undefined }): InitRequest {
  return {
    cluster: 'orders',
    repositories: [{ name: 'main', url: 'file:///backup', directory: '/backup' }],
    configPath: '/etc/walvault.toml',
    dataDirectory: '/pg/data',
    encryption: {
      mode: 'openpgp',
      recipientFiles: [],
      generateInto: 'generateInto' in change ? change.generateInto : '/media/usb',
      privateKeyPassphrase: undefined,
    },
    createDirectory: false,
    owner: undefined,
    ...change,
  };
}

describe('the plan of init', () => {
  test('puts keys beside the configuration and the private one elsewhere', () => {
    assert.deepEqual(planInit(request({})), {
      configPath: '/etc/walvault.toml',
      keyDirectory: '/etc/walvault-keys',
      signingKey: {
        privatePath: '/etc/walvault-keys/signing-private.asc',
        publicPath: '/etc/walvault-keys/signing-public.asc',
      },
      hostSecretPath: '/etc/walvault-keys/host-secret',
      recoveryKey: {
        privatePath: '/media/usb/walvault-orders-private.asc',
        publicPath: '/media/usb/walvault-orders-public.asc',
      },
      repositoryDirectories: ['/backup'],
    });
  });

  for (const place of ['/pg/data', '/pg/data/keys', '/backup/keys', '/etc/walvault-keys'])
    test(`refuses to leave the private key in ${place}`, () => {
      assert.throws(() => planInit(request({ generateInto: place })), /with what it protects/);
    });

  test('a directory whose name only begins alike is another one', () => {
    planInit(request({ generateInto: '/backup-keys' }));
  });

  test('insists on a key', () => {
    assert.throws(() => planInit(request({ generateInto: undefined })), /no key to encrypt to/);
  });

  test('refuses a repository inside the data directory, and the same one twice', () => {
    const inside = [{ name: 'main', url: 'file:///pg/data/arch', directory: '/pg/data/arch' }];
    assert.throws(() => planInit(request({ repositories: inside })), /lies inside the data directory/);
    const one = { name: 'a', url: 's3://b/p', directory: undefined };
    assert.throws(() => planInit(request({ repositories: [one, one] })), /two repositories have the name a/);
    assert.throws(
      () => planInit(request({ repositories: [one, { ...one, name: 'b' }] })),
      /the url s3:\/\/b\/p/,
    );
  });
});

describe('the lines for postgresql.conf', () => {
  const program = ['/usr/local/bin/walvault'];

  test('are the lines that README shows', () => {
    const readme = readFileSync(resolve(import.meta.dirname, '../../../../README.md'), 'utf8');
    const [, block = ''] = /```ini \S+conf\.d\/walvault\.conf\n([^]*?)\n *```/.exec(readme) ?? [];
    const shown = block.split('\n').map(line => line.trim());
    assert.deepEqual(shown, postgresqlLines(program, defaultConfigPath, defaultConfigPath));
  });

  test('need no --config for the default path', () => {
    const lines = postgresqlLines(program, '/etc/walvault.toml', '/etc/walvault.toml');
    assert.ok(lines.includes(`archive_command = '/usr/local/bin/walvault push %p'`));
    assert.ok(lines.includes(`restore_command = 'exec /usr/local/bin/walvault fetch %f "%p"'`));
  });

  test('survive postgresql.conf, % expansion and sh', () => {
    const lines = postgresqlLines(['/opt/wal vault'], `/it's 100%/w.toml`, '/etc/walvault.toml');
    assert.ok(
      lines.includes(
        String.raw`archive_command = '''/opt/wal vault'' --config ''/it''\\''''s 100%%/w.toml'' push %p'`,
      ),
    );
  });
});
