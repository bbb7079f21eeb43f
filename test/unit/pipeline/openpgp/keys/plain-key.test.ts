/** Keys read and used without the library must be what the library, and gpg, take them for. */
import assert from 'node:assert/strict';
import { generateKey, readKey, readPrivateKey } from 'openpgp';
import { describe, test } from 'vitest';
import { Secret } from '../../../../../src/base/secret.ts';
import {
  generateKeyPair,
  readPrivateKeys,
  readPublicKeys,
} from '../../../../../src/pipeline/openpgp/index.ts';
import { readPlainKeys } from '../../../../../src/pipeline/openpgp/keys/plain-key.ts';
import { createDecryptor } from '../../../../../src/pipeline/openpgp/index.ts';
import { createGpg } from '../../../../support/openpgp/gpg.ts';
import { decrypt, encrypt } from '../../../../support/openpgp/fixtures.ts';

interface Halves {
  readonly publicArmored: string;
  readonly privateArmored: string;
}

const gpg = createGpg();

async function madeByGpg(userId: string, algorithm: string, subkey?: string): Promise<Halves> {
  const fingerprint = await gpg.generateKey(userId, algorithm);
  if (subkey !== undefined)
    await gpg.run(['--passphrase', '', '--quick-add-key', fingerprint, subkey, 'encr', 'never']);
  return { publicArmored: await gpg.exportPublic(userId), privateArmored: await gpg.exportPrivate(userId) };
}

const plainKeys: Record<string, () => Promise<Halves>> = {
  "walvault's own": () => generateKeyPair({ userId: 'own', use: 'encrypt' }),
  "gpg's RSA": () => madeByGpg('rsa', 'rsa2048', 'rsa2048'),
  "gpg's Curve25519": () => madeByGpg('curve', 'future-default'),
  'one that expires': async () => {
    const { publicKey, privateKey } = await generateKey({
      userIDs: [{ name: 'expiring' }],
      type: 'ecc',
      curve: 'curve25519Legacy',
      keyExpirationTime: 90 * 24 * 3600,
      subkeys: [{ keyExpirationTime: 60 * 24 * 3600 }],
      config: { aeadProtect: false },
    });
    return { publicArmored: publicKey, privateArmored: privateKey };
  },
};

for (const [name, make] of Object.entries(plainKeys))
  describe(`plain keys: ${name}`, async () => {
    const { publicArmored, privateArmored } = await make();

    test('is read without the library and described as the library does', async () => {
      const [plain] = readPlainKeys([publicArmored]) ?? [];
      const library = await readKey({ armoredKey: publicArmored });
      assert.ok(plain);
      assert.equal(plain.primary.fingerprint, library.getFingerprint().toUpperCase());
      assert.equal(plain.userId, library.getUserIDs()[0]);
      const encryptionKey = await library.getEncryptionKey();
      assert.equal(plain.encryptionSubkey?.keyId, encryptionKey.getKeyID().toHex().toUpperCase());
      const expiries = [await library.getExpirationTime(), await encryptionKey.getExpirationTime()];
      const times = expiries.filter(time => time instanceof Date).map(time => time.getTime());
      assert.equal(plain.expiresAt?.getTime(), times.length === 0 ? undefined : Math.min(...times));
      const signs = await library.getSigningKey().then(
        () => true,
        () => false,
      );
      assert.equal(plain.verifyingKey !== undefined, signs);
      assert.notEqual(
        (await readPrivateKeys(Buffer.from(privateArmored), 'k'))[0]?.reveal().decryptionKey,
        undefined,
      );
    });

    test('what is encrypted to it is opened by gpg, by the library and by its own private half', async () => {
      await gpg.importKeys(privateArmored);
      const recipients = await readPublicKeys(Buffer.from(publicArmored), 'k');
      const privateKeys = await readPrivateKeys(Buffer.from(privateArmored), 'k');
      assert.notEqual(recipients[0]?.encryptionKey, undefined);
      const message = await encrypt({ recipients }, Buffer.from('text'));
      assert.equal((await gpg.decrypt(message)).plain.toString(), 'text');
      const own = await createDecryptor({ privateKeys, trustedSigners: [] });
      assert.equal((await decrypt(own, message)).plain.toString(), 'text');
      const byLibrary = privateKeys.map(key => ({
        ...key,
        reveal: () => ({ ...key.reveal(), decryptionKey: undefined }),
      }));
      const library = await createDecryptor({ privateKeys: byLibrary, trustedSigners: [] });
      assert.equal((await decrypt(library, message)).plain.toString(), 'text');
    });

    test('what gpg encrypts to it is opened', async () => {
      await gpg.importKeys(publicArmored);
      const [key] = await readPublicKeys(Buffer.from(publicArmored), 'k');
      const to = ['--recipient', key?.fingerprint ?? '', '--compress-algo', 'none', '--encrypt'];
      const { stdoutBytes } = await gpg.run(to, 'from gpg');
      const privateKeys = await readPrivateKeys(Buffer.from(privateArmored), 'k');
      const decryptor = await createDecryptor({ privateKeys, trustedSigners: [] });
      assert.equal((await decrypt(decryptor, stdoutBytes)).plain.toString(), 'from gpg');
    });

    test('no flipped bit makes another key of it', () => {
      const { binary, armor } = unarmored(publicArmored);
      const known = JSON.stringify(readPlainKeys([armor(binary)]));
      for (let at = 0; at < binary.length; at++) {
        const flipped = Buffer.from(binary);
        flipped[at] = (flipped[at] ?? 0) ^ 1;
        const read = readPlainKeys([armor(flipped)]);
        if (read !== undefined) assert.equal(JSON.stringify(read), known, `byte ${at}`);
      }
    });
  });

test('plain keys: an armor whose checksum does not fit is left to the library', async () => {
  const { publicArmored } = await generateKeyPair({ userId: 'armor', use: 'encrypt' });
  const { binary, armor } = unarmored(publicArmored);
  assert.ok(readPlainKeys([armor(binary, '=AAAA')]) === undefined);
  assert.ok(readPlainKeys([armor(binary)]));
});

test('plain keys: the private half agrees with the library about its numbers', async () => {
  const { privateArmored } = await generateKeyPair({ userId: 'numbers', use: 'sign' });
  const [plain] = readPlainKeys([privateArmored]) ?? [];
  const library = await readPrivateKey({ armoredKey: privateArmored });
  assert.equal(plain?.isPrivate, true);
  assert.deepEqual(
    Buffer.from(plain.primary.privateNumbers?.seed ?? [])
      .toString('hex')
      .padStart(64, '0'),
    Buffer.from(
      (library.keyPacket as unknown as { privateParams: { seed: Uint8Array } }).privateParams.seed,
    ).toString('hex'),
  );
});

test('plain keys: what needs more judgement is left to the library', async () => {
  const locked = await generateKeyPair({ userId: 'locked', use: 'sign', passphrase: new Secret('x') });
  assert.equal(readPlainKeys([locked.privateArmored]), undefined);
  const two = await generateKey({
    userIDs: [{ name: 'one' }, { name: 'two' }],
    type: 'ecc',
    curve: 'curve25519Legacy',
  });
  assert.equal(readPlainKeys([two.publicKey]), undefined);
  const signing = await generateKey({
    userIDs: [{ name: 'signing subkey' }],
    type: 'ecc',
    curve: 'curve25519Legacy',
    subkeys: [{ sign: true }],
  });
  assert.equal(readPlainKeys([signing.publicKey]), undefined);
  const { publicArmored, privateArmored } = await generateKeyPair({ userId: 'revoked', use: 'encrypt' });
  const revoked = await readPrivateKey({ armoredKey: privateArmored });
  assert.ok(readPlainKeys([publicArmored]));
  assert.equal(readPlainKeys([(await revoked.revoke()).toPublic().armor()]), undefined);
});

/** A block's bytes, and the way back, by default without the checksum, which is optional. */
function unarmored(block: string): { binary: Buffer; armor: (binary: Buffer, checksum?: string) => string } {
  const lines = block.split(/\r?\n/);
  const body = lines.slice(lines.indexOf('') + 1).filter(line => /^[A-Za-z0-9+/]+=*$/.test(line));
  return {
    binary: Buffer.from(body.join(''), 'base64'),
    armor: (binary, checksum) =>
      [
        lines[0],
        '',
        binary.toString('base64'),
        ...(checksum === undefined ? [] : [checksum]),
        '-----END PGP PUBLIC KEY BLOCK-----\n',
      ].join('\n'),
  };
}
