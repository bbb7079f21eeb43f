import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { generateKey } from 'openpgp';
import { test } from 'vitest';
import { WalvaultError } from '../../../../../src/base/errors/errors.ts';
import { Secret, type SecretSource } from '../../../../../src/base/secret.ts';
import {
  createDecryptor,
  createEncryptor,
  createSigner,
  generateKeyPair,
  publicKeyFingerprint,
  readPrivateKeys,
  readPublicKeys,
} from '../../../../../src/pipeline/openpgp/index.ts';
import { createGpg } from '../../../../support/openpgp/gpg.ts';
import { decrypt, encrypt, expiringPair, makePair, readPair } from '../../../../support/openpgp/fixtures.ts';

const day = 24 * 3600;

test("keys: fingerprints and user ids are gpg's, and gpg imports both halves", async () => {
  const gpg = createGpg();
  for (const use of ['encrypt', 'sign'] as const) {
    const made = await generateKeyPair({ userId: `walvault ${use} <db1@example.org>`, use });
    await gpg.importKeys(made.privateArmored);
    const { stdout } = await gpg.run(['--with-colons', '--list-secret-keys', made.fingerprint]);
    assert.match(stdout, new RegExp(`^fpr:+${made.fingerprint}:$`, 'm'));
    assert.match(stdout, /^uid:.*walvault .* <db1@example\.org>/m);
    assert.equal(/^ssb:/m.test(stdout), use === 'encrypt');
    assert.match(stdout, /^sec:[^:]*:255:22:[0-9A-F]{16}:\d+:::/m, 'Ed25519 and never expires');
    const [key] = await readPublicKeys(Buffer.from(made.publicArmored), 'k');
    assert.equal(key?.fingerprint, made.fingerprint);
    assert.equal(key.userId, `walvault ${use} <db1@example.org>`);
    assert.equal(key.expiresAt, undefined);
    assert.equal(await publicKeyFingerprint(made.publicArmored), made.fingerprint);
  }
});

test('keys: gpg opens a private key with the passphrase it was made with', async () => {
  const gpg = createGpg();
  const made = await generateKeyPair({ userId: 'locked', use: 'encrypt', passphrase: new Secret('öpen') });
  await gpg.run(['--passphrase', 'öpen', '--import'], made.privateArmored);
  const [key] = await readPublicKeys(Buffer.from(made.publicArmored), 'k');
  assert.ok(key);
  const message = await encrypt({ recipients: [key] }, Buffer.from('text'));
  assert.equal((await gpg.decrypt(message, 'öpen')).plain.toString(), 'text');
});

test('keys: binary files and several armored blocks in one file are read', async () => {
  const gpg = createGpg();
  const pairs = [await makePair('encrypt', 'one'), await makePair('encrypt', 'two')];
  for (const pair of pairs) await gpg.importKeys(pair.publicArmored);
  const { stdoutBytes } = await gpg.run(['--export']);
  const armored = Buffer.from(pairs.map(pair => pair.publicArmored).join('some text\n'));
  for (const file of [stdoutBytes, armored]) {
    const keys = await readPublicKeys(file, 'k');
    assert.deepEqual(keys.map(key => key.userId).sort(), ['one', 'two']);
  }
  const secrets = Buffer.from(pairs.map(pair => pair.privateArmored).join('\n'));
  assert.equal((await readPrivateKeys(secrets, 'k')).length, 2);
});

test('keys: what cannot be used is named in one line', async () => {
  const locked = await generateKeyPair({ userId: 'locked', use: 'sign', passphrase: new Secret('right') });
  const data = (text: string) => Buffer.from(text);
  const failures: [Promise<unknown>, RegExp][] = [
    [readPublicKeys(data('nonsense'), '/etc/k.asc'), /^\/etc\/k\.asc: not an OpenPGP key$/],
    [readPublicKeys(data(''), '/etc/k.asc'), /^\/etc\/k\.asc: /],
    [readPublicKeys(data(locked.publicArmored.slice(0, 300)), 'k'), /^k: not an OpenPGP key$/],
    [
      readPublicKeys(data(locked.privateArmored), 'k'),
      /^k: holds a private key where a public key is needed$/,
    ],
    [
      readPrivateKeys(data(locked.publicArmored), 'k'),
      /^k: holds a public key where a private key is needed$/,
    ],
    [readPrivateKeys(data(locked.privateArmored), 'k'), /^k: .* is locked by a passphrase and none is set$/],
    [
      readPrivateKeys(data(locked.privateArmored), 'k', [new Secret('wrong')]),
      new RegExp(`^k: private key ${locked.fingerprint}: wrong passphrase$`),
    ],
  ];
  for (const [failing, message] of failures) await assert.rejects(failing, { code: 'key', message });
});

test('keys: passphrases are tried in turn, and read for locked keys alone', async () => {
  const locked = await generateKeyPair({ userId: 'locked', use: 'sign', passphrase: new Secret('right') });
  const open = await generateKeyPair({ userId: 'open', use: 'sign' });
  const unreadable = { read: () => Promise.reject(new WalvaultError('config', 'no vault')) };
  const read = (armored: string, ...passphrases: SecretSource[]) =>
    readPrivateKeys(Buffer.from(armored), 'k', passphrases);
  assert.equal((await read(open.privateArmored, unreadable)).length, 1);
  assert.equal(
    (await read(locked.privateArmored, unreadable, new Secret('old'), new Secret('right'))).length,
    1,
  );
  // Perhaps the one that cannot be read would have opened it.
  await assert.rejects(read(locked.privateArmored, unreadable, new Secret('old')), { message: 'no vault' });
});

test('keys: a key of a newer version than gpg 2.2 reads is refused', async () => {
  const { publicKey } = await generateKey({
    userIDs: [{ name: 'six' }],
    type: 'curve25519',
    config: { v6Keys: true },
  });
  await assert.rejects(readPublicKeys(Buffer.from(publicKey), 'k'), { code: 'key', message: /version 6/ });
});

test('keys: a private key does not print itself', async () => {
  const { privateKey } = await makePair('sign', 'quiet');
  const text = inspect(privateKey, { depth: 9 }) + JSON.stringify(privateKey);
  assert.doesNotMatch(text, /seed|privateParams/);
  assert.doesNotMatch(inspect(createSigner(privateKey), { depth: 9 }), /seed|PrivateKeyObject/);
});

test('keys: an expired recipient is still encrypted to, and named with those that expire soon', async () => {
  const expired = await expiringPair(-10);
  const soon = await expiringPair(59);
  const late = await expiringPair(61);
  const recipients = [expired.publicKey, soon.publicKey, late.publicKey];
  const { expiring } = await createEncryptor({ recipients });
  const found = expiring.map(({ fingerprint, expiresAt, hasExpired }) => ({
    fingerprint,
    expiresAt,
    hasExpired,
  }));
  const expected = ({ publicKey: { fingerprint, expiresAt } }: typeof expired, hasExpired: boolean) => ({
    fingerprint,
    expiresAt,
    hasExpired,
  });
  assert.deepEqual(found, [expected(expired, true), expected(soon, false)]);
  const message = await encrypt({ recipients: [expired.publicKey] }, Buffer.from('text'));
  const decryptor = await createDecryptor({ privateKeys: [expired.privateKey], trustedSigners: [] });
  assert.equal((await decrypt(decryptor, message)).plain.toString(), 'text');
});

test('keys: an encryption subkey that expires before its key counts', async () => {
  const made = await generateKey({
    userIDs: [{ name: 'subkey' }],
    type: 'ecc',
    curve: 'curve25519Legacy',
    date: new Date(Date.now() - 100 * day * 1000),
    subkeys: [{ keyExpirationTime: 90 * day }],
    config: { aeadProtect: false },
  });
  const { publicKey } = await readPair(made.publicKey, made.privateKey);
  assert.ok(publicKey.expiresAt !== undefined && publicKey.expiresAt < new Date());
  assert.equal((await createEncryptor({ recipients: [publicKey] })).expiring.length, 1);
});

test('keys: no recipient, or one without an encryption subkey, is an error that names it', async () => {
  const { publicKey } = await makePair('sign', 'signing only');
  await assert.rejects(createEncryptor({ recipients: [] }), { code: 'key' });
  await assert.rejects(createEncryptor({ recipients: [publicKey] }), {
    code: 'key',
    message: new RegExp(`^key ${publicKey.fingerprint} \\(signing only\\) has no subkey`),
  });
});

test('keys: a revoked recipient is refused', async () => {
  const gpg = createGpg();
  const pair = await makePair('encrypt', 'revoked');
  await gpg.importKeys(pair.privateArmored);
  const { fingerprint } = pair.publicKey;
  await gpg.run(['--trust-model', 'pgp', '--check-trustdb']);
  const revoke = ['--command-fd', '0', '--no-batch', '--gen-revoke', fingerprint];
  const { stdout } = await gpg.run(revoke, 'y\n0\n\ny\n');
  await gpg.importKeys(stdout);
  const exported = await gpg.exportPublic(fingerprint);
  const revoked = await readPair(exported, pair.privateArmored);
  await assert.rejects(createEncryptor({ recipients: [revoked.publicKey] }), {
    code: 'key',
    message: /is revoked$/,
  });
});
