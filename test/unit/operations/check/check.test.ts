import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { Secret } from '../../../../src/base/secret.ts';
import { silentLog } from '../../../support/logs.ts';
import type { Config } from '../../../../src/config/index.ts';
import { check } from '../../../../src/operations/check/check.ts';
import type { CheckLine } from '../../../../src/operations/check/checklist.ts';
import { generateKeyPair } from '../../../../src/pipeline/openpgp/index.ts';
import { Codec } from '../../../../src/repository/encoding/codec.ts';
import { Keyring, type KeySettings } from '../../../../src/repository/encoding/keyring.ts';
import { createMarker } from '../../../../src/repository/format/marker.ts';
import { createMemoryStore } from '../../../../src/stores/memory/store.ts';
import { StoreError, type Store } from '../../../../src/stores/store.ts';
import { overrideStore } from '../../../support/site/archive.ts';
import { createGpg } from '../../../support/openpgp/gpg.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const signal = new AbortController().signal;
const directory = temporaryDirectory('keys');
const keep = (name: string, text: string) => {
  const path = join(directory, name);
  writeFileSync(path, text);
  chmodSync(path, 0o600);
  return path;
};
const recovery = await generateKeyPair({
  userId: 'Recovery',
  use: 'encrypt',
  passphrase: new Secret('sesame'),
});
const spare = await generateKeyPair({ userId: 'Spare', use: 'encrypt' });
const host = await generateKeyPair({ userId: 'Host', use: 'sign' });
const recoveryPublic = keep('recovery.asc', recovery.publicArmored);
const recoveryPrivate = keep('recovery-private.asc', recovery.privateArmored);
const sparePublic = keep('spare.asc', spare.publicArmored);
const sparePrivate = keep('spare-private.asc', spare.privateArmored);
const hostPrivate = keep('host.asc', host.privateArmored);
const hostPublic = keep('host-public.asc', host.publicArmored);

const openpgp: KeySettings = {
  mode: 'openpgp',
  walRecipients: [recoveryPublic, sparePublic],
  backupRecipients: [recoveryPublic],
  passphrases: [],
  privateKeys: [],
  privateKeyPassphrases: [],
  signingKey: hostPrivate,
  signingPassphrase: undefined,
  trustedSigners: [hostPublic],
};

function configOf(keys: KeySettings, id: string | undefined): Config {
  return {
    cluster: 'orders',
    dataDirectory: undefined,
    repositories: [{ name: 'main', url: 'memory:', id, required: true, verifyTls: true }],
    compressionLevel: 1,
    encryption: keys,
    signing: {
      key: keys.signingKey,
      passphrase: undefined,
      verify: 'warn',
      trustedSigners: keys.trustedSigners,
    },
    archive: { timeoutMs: 1000, headerCheck: true, jobs: 1, batch: false },
    agent: { mode: 'off', idleTimeoutMs: 1000 },
    fetch: { timeoutMs: 1000, standbyTimeoutMs: 1000, prefetchBytes: 0, jobs: 1 },
    store: { requestTimeoutMs: 1000 },
    log: { format: 'text', file: undefined, level: 'info' },
    backup: {
      partSizeBytes: 1024 ** 2,
      walTimeoutMs: 1000,
      jobs: undefined,
      bytesPerSecond: undefined,
      lowPriority: false,
      manifestChecksums: 'crc32c',
      checkPages: true,
      nameMap: true,
      fastCheckpoint: true,
      type: 'full',
      fullEveryMs: 7 * 86_400_000,
      differentialEveryMs: 86_400_000,
      mostChangedShare: 0.5,
      walSummaries: 'auto',
      auditEveryMs: 7 * 24 * 3_600_000,
    },
    restore: { jobs: undefined },
    retention: { keepLast: 3, minimumBackups: 1, timeZone: 'UTC' },
    status: { backupIntervalMs: undefined, maxLagMs: 900_000 },
    postgres: { connection: undefined, primaryConnection: undefined },
  };
}

interface Run {
  readonly keys?: Partial<KeySettings>;
  readonly store?: (inner: Store) => Store;
  readonly privateKey?: { path: string; passphrase: Secret | undefined };
  readonly secretFiles?: readonly string[];
  readonly now?: Date;
}

async function runCheck({
  keys,
  store: wrap = inner => inner,
  privateKey,
  secretFiles = [],
  now = new Date(),
}: Run = {}) {
  const inner = createMemoryStore();
  const { id } = await createMarker(inner, signal);
  const settings = { ...openpgp, ...keys };
  const codec = new Codec(
    new Keyring(settings),
    { compressionLevel: 1, verifySignatures: 'warn' },
    silentLog,
  );
  const lines: CheckLine[] = [];
  const result = await check({
    config: configOf(settings, id),
    configPath: '/etc/walvault.toml',
    secretFiles,
    repositories: [{ name: 'main', required: true, expectedId: id, store: wrap(inner), codec }],
    privateKey,
    withPostgres: false,
    timeoutMs: 1000,
    env: {},
    now,
    onLine: line => lines.push(line),
    log: silentLog,
    signal,
  });
  assert.deepEqual(lines, result);
  const left: string[] = [];
  for await (const entry of inner.list({ prefix: '', signal })) if ('key' in entry) left.push(entry.key);
  return { lines, left, bad: lines.filter(({ status }) => status === 'fail' || status === 'warn') };
}

describe('a sound installation', () => {
  it('has nothing to complain about and leaves nothing behind', async () => {
    const { lines, left, bad } = await runCheck();
    assert.deepEqual(bad, []);
    assert.deepEqual(left, ['walvault.json']);
    assert.ok(lines.some(({ message }) => /private keys of 2 recipients are not on this host/.test(message)));
  });

  it('says which recipient a private key proves', async () => {
    const privateKey = { path: recoveryPrivate, passphrase: new Secret('sesame') };
    const { lines, left, bad } = await runCheck({ privateKey });
    assert.deepEqual(bad, []);
    const opened = lines.filter(({ message }) => /opened again/.test(message)).map(({ message }) => message);
    assert.equal(opened.length, 2);
    assert.match(
      opened[0] ?? '',
      new RegExp(`WAL .*${recovery.fingerprint} \\(Recovery\\); 1 more recipient is not proven`),
    );
    assert.match(opened[1] ?? '', /backups .*\(Recovery\)$/);
    assert.deepEqual(left, ['walvault.json']);
  });

  it('a key that backups are not encrypted to opens only WAL', async () => {
    const { bad } = await runCheck({ privateKey: { path: sparePrivate, passphrase: undefined } });
    assert.equal(bad.length, 1);
    assert.equal(bad[0]?.status, 'fail');
    assert.match(bad[0]?.message ?? '', /opening what is encrypted for backups/);
  });

  it('a wrong passphrase is told as such', async () => {
    const { bad } = await runCheck({
      privateKey: { path: recoveryPrivate, passphrase: new Secret('wrong') },
    });
    assert.ok(bad.every(({ status, message }) => status === 'fail' && /passphrase/.test(message)));
  });
});

describe('keys', () => {
  it('all private keys on this host: a warning', async () => {
    const keys = {
      walRecipients: [sparePublic],
      backupRecipients: [sparePublic],
      privateKeys: [sparePrivate],
    };
    const { bad } = await runCheck({ keys });
    assert.deepEqual(
      bad.map(({ status, message }) => [status, /on this host/.test(message)]),
      [['warn', true]],
    );
  });

  it('no signing key, or an untrusted one: a warning', async () => {
    const unsigned = await runCheck({ keys: { signingKey: undefined, trustedSigners: [] } });
    assert.match(unsigned.bad[0]?.message ?? '', /no signing key/);
    const untrusted = await runCheck({ keys: { trustedSigners: [] } });
    assert.match(untrusted.bad[0]?.message ?? '', /not among signing\.trusted-signers/);
  });

  it('a secret that others can read fails, whatever it is for', async () => {
    const open = keep('open.asc', host.privateArmored);
    chmodSync(open, 0o644);
    const { bad } = await runCheck({ secretFiles: [hostPrivate, open, '/nonexistent'] });
    assert.deepEqual(
      bad.map(({ status, message }) => [status, message]),
      [['fail', `${open} holds a secret, and others can read it`]],
    );
    const privateKey = { path: open, passphrase: undefined };
    assert.ok((await runCheck({ privateKey })).bad.some(({ message }) => message.startsWith(open)));
  });

  it('without a secret of its own a host begins interrupted backups anew; one that cannot be used is a warning', async () => {
    const { lines } = await runCheck({});
    assert.ok(lines.some(({ status, message }) => status === 'skip' && /begins anew/.test(message)));
    const { bad } = await runCheck({ keys: { hostSecret: new Secret('too short') } });
    assert.deepEqual(
      bad.map(({ status, message }) => [status, /begins anew: .* is not 64 hex digits/.test(message)]),
      [['warn', true]],
    );
    const whole = await runCheck({ keys: { hostSecret: new Secret('a1'.repeat(32)) } });
    assert.ok(whole.lines.some(({ status, message }) => status === 'ok' && /goes on from/.test(message)));
  });

  it('a passphrase that can be guessed: a warning', async () => {
    const passphrases = [new Secret('a'), new Secret('another one of several words')];
    const { bad } = await runCheck({ keys: { mode: 'passphrase', passphrases } });
    assert.ok(bad.some(({ message }) => message.startsWith('encryption.passphrase has less than 15')));
    const strong = await runCheck({ keys: { mode: 'passphrase', passphrases: passphrases.toReversed() } });
    assert.ok(!strong.bad.some(({ message }) => message.includes('guess')));
  });

  it('a key that cannot be read fails, and the rest is checked all the same', async () => {
    const { bad, lines } = await runCheck({ keys: { walRecipients: ['/nonexistent.asc'] } });
    assert.match(bad[0]?.message ?? '', /\/nonexistent\.asc/);
    assert.ok(lines.some(({ message }) => /create-if-absent holds/.test(message)));
  });

  it('a recipient that expires soon, or has expired, is a warning', async () => {
    const gpg = createGpg();
    await gpg.run(['--passphrase', '', '--quick-generate-key', 'Soon', 'default', 'default', '30d']);
    const soon = keep('soon.asc', await gpg.exportPublic('Soon'));
    const keys = { walRecipients: [soon, recoveryPublic] };
    const before = await runCheck({ keys });
    assert.match(before.bad[0]?.message ?? '', /Soon.* expires in/);
    const after = await runCheck({ keys, now: new Date(Date.now() + 31 * 86_400_000) });
    assert.match(after.bad[0]?.message ?? '', /Soon.* expired/);
    assert.equal(after.bad[0]?.status, 'warn');
  });
});

describe('stores that break a promise', () => {
  const failures = async (store: (inner: Store) => Store) =>
    (await runCheck({ store })).bad.map(({ message }) => message);

  it('conditional creation that is ignored', async () => {
    const found = await failures(inner =>
      overrideStore(inner, {
        put: (key, body, options) => inner.put(key, body, { ...options, ifAbsent: false }),
      }),
    );
    assert.ok(found.some(message => /of 4 that created one key at the same time 4 succeeded/.test(message)));
  });

  it('conditional creation that holds in a race and not later', async () => {
    const recent = new Map<string, number>();
    const found = await failures(inner =>
      overrideStore(inner, {
        put(key, body, options) {
          const count = recent.get(key) ?? 0;
          recent.set(key, count + 1);
          return inner.put(key, body, { ...options, ifAbsent: options.ifAbsent && count < 4 });
        },
      }),
    );
    assert.ok(found.some(message => /replaced by a conditional create/.test(message)));
  });

  it('a store that says it has no conditional creation, as a warning of what is lost', async () => {
    const { bad } = await runCheck({
      store: inner =>
        overrideStore(inner, { capabilities: { ...inner.capabilities, conditionalCreate: 'none' } }),
    });
    const found = bad.find(({ message }) => /cannot create an object only if it is absent/.test(message));
    assert.equal(found?.status, 'warn');
    assert.match(found?.hint ?? '', /the later one wins unnoticed/);
  });

  it('the same when even what is there is replaced', async () => {
    const found = await failures(inner =>
      overrideStore(inner, {
        capabilities: { ...inner.capabilities, conditionalCreate: 'none' },
        put: (key, body, options) => inner.put(key, body, { ...options, ifAbsent: false }),
      }),
    );
    assert.ok(found.some(message => /was replaced, though its key is looked up first/.test(message)));
  });

  it('absent keys that read as denied', async () => {
    const found = await failures(inner =>
      overrideStore(inner, {
        get: async (key, options) => {
          if ((await inner.head(key, options)) === undefined)
            throw new StoreError('denied', `get ${key}: access denied`);
          return await inner.get(key, options);
        },
      }),
    );
    assert.ok(found.some(message => /reads as denied/.test(message)));
  });

  it('checksums that nobody looks at', async () => {
    const found = await failures(inner =>
      overrideStore(inner, {
        put: (key, body, options) => inner.put(key, body, { ...options, sha256: undefined }),
      }),
    );
    assert.ok(found.some(message => /wrong SHA-256 was accepted/.test(message)));
    const transport = await failures(inner =>
      overrideStore(inner, { refusesWrongChecksum: async () => false }),
    );
    assert.ok(transport.some(message => /transport checksum is wrong/.test(message)));
  });

  it('parts that are joined over what is there', async () => {
    const { bad } = await runCheck({
      store: inner => overrideStore(inner, { joinsOnlyIfAbsent: async () => false }),
    });
    assert.deepEqual(
      bad.map(({ status }) => status),
      ['warn'],
    );
    assert.match(bad[0]?.message ?? '', /joins the parts of an upload without looking/);
  });

  it('files that root closed to the account of a directory repository', async () => {
    const closed = { path: '/mnt/x/orders/wal', isDirectory: true, ownerId: 0, userId: 4001 };
    const { bad } = await runCheck({
      store: inner => ({
        ...overrideStore(inner, { findClosed: async () => closed }),
        url: 'file:///mnt/x%20y',
      }),
    });
    assert.deepEqual(
      bad.map(({ message, hint }) => [message, hint]),
      [
        [
          '/mnt/x/orders/wal belongs to root and cannot be read and written by user id 4001',
          "Perhaps it is not the only one. As root: chown -R --reference='/mnt/x y' '/mnt/x y'",
        ],
      ],
    );
  });

  it('metadata that is lost', async () => {
    const found = await failures(inner =>
      overrideStore(inner, {
        put: (key, body, options) => inner.put(key, body, { ...options, metadata: undefined }),
      }),
    );
    assert.ok(found.some(message => /metadata is lost/.test(message)));
  });

  it('objects that cannot be deleted', async () => {
    const found = await failures(inner =>
      overrideStore(inner, {
        delete: async keys =>
          keys.map(key => ({ key, error: new StoreError('denied', `delete ${key}: locked`) })),
      }),
    );
    assert.ok(found.some(message => /write, read, list, delete: delete .*: locked/.test(message)));
    assert.ok(found.some(message => /could not be removed/.test(message)));
  });

  it('a place that is no repository', async () => {
    const { lines } = await runCheck({ store: () => createMemoryStore() });
    assert.equal(lines.filter(({ link }) => link === 'repository main').length, 1);
    assert.match(lines.find(({ status }) => status === 'fail')?.message ?? '', /not a walvault repository/);
  });
});
