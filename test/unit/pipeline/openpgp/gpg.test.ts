import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, test } from 'vitest';
import { Secret } from '../../../../src/base/secret.ts';
import {
  createDecryptor,
  createSigner,
  signDetached,
  verifyDetached,
} from '../../../../src/pipeline/openpgp/index.ts';
import { createGpg, type Gpg } from '../../../support/openpgp/gpg.ts';
import { giveToUnprivileged } from '../../../support/site/unprivileged.ts';
import { sampleBytes } from '../../../support/streams.ts';
import {
  decrypt,
  encrypt,
  encryptAtOnce,
  makeCast,
  objectKey,
  readPair,
  type Cast,
  type Pair,
} from '../../../support/openpgp/fixtures.ts';

let gpg: Gpg;
let cast: Cast;
let rsa: Pair;

beforeAll(async () => {
  gpg = createGpg();
  cast = await makeCast();
  await gpg.importKeys(cast.reader.privateArmored);
  await gpg.importKeys(cast.host.privateArmored);
  const fingerprint = await gpg.generateKey('rsa@example.org', 'rsa2048');
  await gpg.run(['--passphrase', '', '--quick-add-key', fingerprint, 'rsa2048', 'encr', 'never']);
  rsa = await readPair(await gpg.exportPublic('rsa@example.org'), await gpg.exportPrivate('rsa@example.org'));
});

for (const sizeBytes of [0, 1, 191, 192, 8384, 1_048_575, 1_048_576, 3_500_000]) {
  for (const [how, make] of [
    ['as a stream', encrypt],
    ['at once', encryptAtOnce],
  ] as const) {
    test(`gpg decrypts ${sizeBytes} bytes, encrypted ${how}, and finds a good signature`, async () => {
      const data = sampleBytes(sizeBytes);
      const message = await make({ recipients: [cast.reader.publicKey] }, data, cast.signer);
      const { plain, status } = await gpg.decrypt(message);
      assert.deepEqual(plain, data);
      assert.match(status, /GOODMDC/);
      assert.match(status, new RegExp(`VALIDSIG ${cast.host.publicKey.fingerprint}`));
      assert.match(status, /NOTATION_NAME key@walvault/);
      // gpg prints a long value in several lines.
      const parts = [...status.matchAll(/NOTATION_DATA (.*)/g)].map(([, part]) => part);
      assert.equal(parts.join(''), objectKey);
    });
  }
}

test('gpg decrypts an unsigned message made at once', async () => {
  const data = sampleBytes(100_000);
  const message = await encryptAtOnce({ recipients: [cast.reader.publicKey] }, data);
  assert.deepEqual((await gpg.decrypt(message)).plain, data);
});

test('gpg decrypts an unsigned message to several recipients, one of them RSA', async () => {
  const data = sampleBytes(100_000);
  const message = await encrypt({ recipients: [rsa.publicKey, cast.reader.publicKey] }, data);
  assert.deepEqual((await gpg.decrypt(message)).plain, data);
  for (const pair of [rsa, cast.reader]) {
    const decryptor = await createDecryptor({ privateKeys: [pair.privateKey], trustedSigners: [] });
    assert.deepEqual(await decrypt(decryptor, message), { plain: data, verdict: { status: 'unsigned' } });
  }
});

test('gpg accepts an RSA signature, and so do we', async () => {
  const data = sampleBytes(100_000);
  const message = await encrypt({ recipients: [rsa.publicKey] }, data, createSigner(rsa.privateKey));
  const { plain, status } = await gpg.decrypt(message);
  assert.deepEqual(plain, data);
  assert.match(status, /GOODSIG/);
  const decryptor = await createDecryptor({
    privateKeys: [rsa.privateKey],
    trustedSigners: [rsa.publicKey],
  });
  const { verdict } = await decrypt(decryptor, message);
  assert.deepEqual(verdict, { status: 'good', fingerprint: rsa.publicKey.fingerprint });
});

test('gpg decrypts with the passphrase', async () => {
  const data = sampleBytes(2_000_000);
  const message = await encrypt({ passphrase: new Secret('pass wörd') }, data, cast.signer);
  const { plain, status } = await gpg.decrypt(message, 'pass wörd');
  assert.deepEqual(plain, data);
  assert.match(status, /GOODSIG/);
});

test('gpg verifies a detached signature, and we verify with gpg-made keys', async () => {
  const data = Buffer.from('{"id":"20261122T020000Z-full-3f2a"}\n');
  for (const pair of [cast.host, rsa]) {
    const signature = await signDetached(createSigner(pair.privateKey), data, objectKey);
    const paths = { data: join(gpg.home, '..', 'data'), signature: join(gpg.home, '..', 'data.sig') };
    writeFileSync(paths.data, data);
    writeFileSync(paths.signature, signature);
    giveToUnprivileged(join(gpg.home, '..'));
    const { stderr, exitCode } = await gpg.run(['--verify', paths.signature, paths.data]);
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /Good signature/);
    const verdict = await verifyDetached(data, signature, objectKey, [pair.publicKey]);
    assert.equal(verdict.status, 'good');
  }
});

test('what gpg encrypts is read: every inner compression it has but bzip2, partial and whole lengths', async () => {
  const data = sampleBytes(300_000);
  for (const compression of ['none', 'zip', 'zlib']) {
    const args = ['--compress-algo', compression, '-r', 'Backup reader', '-o', '-', '--encrypt'];
    const { stdoutBytes } = await gpg.run(args, data);
    const { plain, verdict } = await decrypt(cast.decryptor, stdoutBytes);
    assert.deepEqual(plain, data, compression);
    assert.deepEqual(verdict, { status: 'unsigned' });
  }
  const { stdoutBytes } = await gpg.run(
    ['--compress-algo', 'bzip2', '-r', 'Backup reader', '-o', '-', '--encrypt'],
    data,
  );
  await assert.rejects(decrypt(cast.decryptor, stdoutBytes), { code: 'damaged', message: /not supported/ });
  const path = join(gpg.home, '..', 'plain');
  writeFileSync(path, data);
  giveToUnprivileged(join(gpg.home, '..'));
  const whole = await gpg.run(['-z', '0', '-r', 'Backup reader', '-o', '-', '--encrypt', path]);
  assert.deepEqual((await decrypt(cast.decryptor, whole.stdoutBytes)).plain, data);
});

test('what gpg encrypts to hidden recipients and to passphrases is read', async () => {
  const data = sampleBytes(10_000);
  const hidden = await gpg.run(['-R', 'Backup reader', '-o', '-', '--encrypt'], data);
  assert.deepEqual((await decrypt(cast.decryptor, hidden.stdoutBytes)).plain, data);
  const decryptor = await createDecryptor({
    privateKeys: [cast.reader.privateKey],
    passphrases: [new Secret('hello')],
    trustedSigners: [],
  });
  for (const s2k of [['3'], ['1'], ['0'], ['3', '--s2k-digest-algo', 'SHA512']]) {
    const args = ['--passphrase', 'hello', '--s2k-mode', ...s2k, '--cipher-algo', 'AES256', '-o', '-'];
    const { stdoutBytes } = await gpg.run([...args, '--symmetric'], data);
    assert.deepEqual((await decrypt(decryptor, stdoutBytes)).plain, data, s2k.join(' '));
  }
  // To both a key and a passphrase: gpg then adds an encrypted session key to the passphrase packet.
  const args = ['--passphrase', 'hello', '-r', 'Backup reader', '-o', '-', '--symmetric', '--encrypt'];
  const both = await gpg.run(args, data);
  for (const options of [
    { privateKeys: [cast.reader.privateKey], trustedSigners: [] },
    { privateKeys: [], passphrases: [new Secret('hello')], trustedSigners: [] },
  ]) {
    const either = await createDecryptor(options);
    assert.deepEqual((await decrypt(either, both.stdoutBytes)).plain, data);
  }
});

test('what gpg signs is not taken as signed for an object, unless it carries the notation', async () => {
  const data = sampleBytes(10_000);
  const args = ['-r', 'Backup reader', '-u', 'host db1', '-o', '-', '--sign', '--encrypt'];
  const plain = await gpg.run(args, data);
  const { verdict } = await decrypt(cast.decryptor, plain.stdoutBytes);
  assert.deepEqual(verdict, { status: 'bad', reason: 'the signature names no object' });
  const notation = ['--set-notation', `key@walvault=${objectKey}`];
  const named = await gpg.run([...notation, ...args], data);
  assert.equal((await decrypt(cast.decryptor, named.stdoutBytes)).verdict.status, 'good');
  const two = await gpg.run([...notation, '-u', 'rsa@example.org', ...args], data);
  assert.equal((await decrypt(cast.decryptor, two.stdoutBytes)).verdict.status, 'good');
  const weak = await gpg.run(
    [...notation, '--digest-algo', 'SHA1', '--allow-weak-digest-algos', ...args],
    data,
  );
  assert.notEqual((await decrypt(cast.decryptor, weak.stdoutBytes)).verdict.status, 'good');
});

test('a message without integrity protection is refused', async () => {
  const args = ['--rfc2440', '--disable-mdc', '--cipher-algo', 'AES256', '--passphrase', 'x', '-o', '-'];
  const { stdoutBytes } = await gpg.run([...args, '--symmetric'], Buffer.from('text'));
  const decryptor = await createDecryptor({
    privateKeys: [],
    passphrases: [new Secret('x')],
    trustedSigners: [],
  });
  await assert.rejects(decrypt(decryptor, stdoutBytes), {
    code: 'damaged',
    message: /without integrity protection/,
  });
});
