import assert from 'node:assert/strict';
import { beforeAll, test } from 'vitest';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import { Secret, type SecretSource } from '../../../../src/base/secret.ts';
import {
  createDecryptor,
  createEncryptor,
  createSigner,
  signDetached,
  verifyDetached,
} from '../../../../src/pipeline/openpgp/index.ts';
import { sampleBytes, through, withFlippedBit } from '../../../support/streams.ts';
import {
  decrypt,
  encrypt,
  makeCast,
  makePair,
  objectKey,
  type Cast,
} from '../../../support/openpgp/fixtures.ts';

let cast: Cast;
beforeAll(async () => {
  cast = await makeCast();
});

const toReader = () => ({ recipients: [cast.reader.publicKey] });

test('messages: a run gives the same bytes each time, however the source is cut', async () => {
  const data = sampleBytes(2_500_000);
  const encryptor = await createEncryptor(toReader(), cast.signer);
  const run = await encryptor.start(objectKey);
  const first = await through(source => run.apply(source), data, 2_500_000);
  for (const chunkBytes of [1_000_000, 1_048_576, 4099])
    assert.deepEqual(await through(source => run.apply(source), data, chunkBytes), first);
  const other = await encryptor.start(objectKey);
  assert.notDeepEqual(await through(source => other.apply(source), data), first);
});

test('messages: large ones come in chunks worth a system call', async () => {
  const encryptor = await createEncryptor(toReader(), cast.signer);
  const run = await encryptor.start(objectKey);
  const sizes: number[] = [];
  async function* data() {
    for (let index = 0; index < 512; index++) yield sampleBytes(8192);
  }
  for await (const chunk of run.apply(data())) sizes.push(chunk.length);
  assert.ok(
    sizes.slice(0, -1).every(size => size >= 1_000_000),
    sizes.join(' '),
  );
});

test('messages: moved to another key, a genuine message is bad', async () => {
  const message = await encrypt(toReader(), sampleBytes(1000), cast.signer);
  assert.deepEqual((await decrypt(cast.decryptor, message)).verdict, {
    status: 'good',
    fingerprint: cast.host.publicKey.fingerprint,
  });
  assert.deepEqual((await decrypt(cast.decryptor, message, `${objectKey}0`)).verdict, {
    status: 'bad',
    reason: `the signature is for another object, "${objectKey}"`,
  });
});

test('messages: signed by a stranger is untrusted, not signed is unsigned', async () => {
  const stranger = await makePair('sign', 'stranger');
  const message = await encrypt(toReader(), sampleBytes(1000), createSigner(stranger.privateKey));
  assert.deepEqual((await decrypt(cast.decryptor, message)).verdict, {
    status: 'untrusted',
    keyId: stranger.publicKey.fingerprint.slice(-16),
  });
  const unsigned = await encrypt(toReader(), sampleBytes(1000));
  assert.deepEqual((await decrypt(cast.decryptor, unsigned)).verdict, { status: 'unsigned' });
});

test('messages: without the right private key the error names the key, by its owner where it is known', async () => {
  const other = await makePair('encrypt', 'other');
  const message = await encrypt(toReader(), sampleBytes(1000));
  const decryptor = await createDecryptor({ privateKeys: [other.privateKey], trustedSigners: [] });
  const keyId = cast.reader.publicKey.keyIds[1] ?? '';
  await assert.rejects(decrypt(decryptor, message), {
    code: 'key',
    message: `${objectKey}: no private key for it; it is encrypted to key ${keyId}`,
  });
  const { publicKey } = cast.reader;
  const informed = await createDecryptor({
    privateKeys: [other.privateKey],
    trustedSigners: [],
    knownKeys: () => Promise.resolve([other.publicKey, publicKey]),
  });
  await assert.rejects(decrypt(informed, message), {
    code: 'key',
    message: `${objectKey}: no private key for it; it is encrypted to ${publicKey.fingerprint} (${publicKey.userId})`,
  });
  const nobody = await createDecryptor({ privateKeys: [], trustedSigners: [] });
  await assert.rejects(decrypt(nobody, message), { code: 'key' });
});

test('messages: a wrong or missing passphrase is a key error', async () => {
  const message = await encrypt({ passphrase: new Secret('right') }, sampleBytes(1000));
  const wrong = { privateKeys: [], passphrases: [new Secret('wrong')], trustedSigners: [] };
  await assert.rejects(decrypt(await createDecryptor(wrong), message), {
    code: 'key',
    message: /the passphrase does not open it/,
  });
  await assert.rejects(decrypt(cast.decryptor, message), { code: 'key', message: /none is set/ });
});

test('messages: passphrases are tried in turn', async () => {
  const message = await encrypt({ passphrase: new Secret('old') }, sampleBytes(1000));
  const unreadable = { read: () => Promise.reject(new WalvaultError('config', 'no vault')) };
  const read = async (...passphrases: SecretSource[]) =>
    await decrypt(await createDecryptor({ privateKeys: [], passphrases, trustedSigners: [] }), message);
  assert.equal((await read(new Secret('new'), unreadable, new Secret('old'))).plain.length, 1000);
  // What comes behind the one that fits is not read.
  assert.equal((await read(new Secret('old'), unreadable)).plain.length, 1000);
  await assert.rejects(read(new Secret('new'), unreadable), { message: 'no vault' });
  await assert.rejects(read(new Secret('new'), new Secret('newer')), /the passphrase does not open it/);
});

test('messages: with one passphrase the salt is one a process, the messages differ all the same', async () => {
  const encryptor = await createEncryptor({ passphrase: new Secret('p') });
  const messages: Buffer[] = [];
  for (const key of ['a', 'b']) {
    const run = await encryptor.start(key);
    messages.push(await through(source => run.apply(source), sampleBytes(100)));
  }
  assert.deepEqual(messages[0]?.subarray(0, 15), messages[1]?.subarray(0, 15));
  assert.notDeepEqual(messages[0]?.subarray(17), messages[1]?.subarray(17));
});

test('messages: cut anywhere, or followed by anything, they are damaged', async () => {
  const message = await encrypt(toReader(), sampleBytes(3000), cast.signer);
  for (let length = 0; length < message.length; length += length < 300 ? 1 : 97)
    await assert.rejects(decrypt(cast.decryptor, message.subarray(0, length)), { code: 'damaged' });
  for (const extra of [Buffer.of(0), Buffer.of(0xca, 3, 0x50, 0x47, 0x50), message])
    await assert.rejects(decrypt(cast.decryptor, Buffer.concat([message, extra])), { code: 'damaged' });
});

test('messages: a stream cut between two parts of the packet is damaged', async () => {
  const message = await encrypt(toReader(), sampleBytes(2_500_000));
  const bodyStart = message.indexOf(Buffer.of(0xd2, 0xf4)) + 2;
  for (const parts of [1, 2]) {
    const cut = message.subarray(0, bodyStart + parts * 1_048_576 + parts - 1);
    await assert.rejects(decrypt(cast.decryptor, cut), { code: 'damaged' });
    await assert.rejects(decrypt(cast.decryptor, Buffer.concat([cut, Buffer.of(0)])), { code: 'damaged' });
  }
});

test('messages: the verdict of a message that failed cannot be asked for', async () => {
  const run = cast.decryptor.start(objectKey);
  await assert.rejects(
    through(source => run.apply(source), Buffer.of(1)),
    { code: 'damaged' },
  );
  assert.throws(() => run.verdict(), { code: 'internal' });
});

test('detached: good only for this data, this object and a trusted signer', async () => {
  const data = sampleBytes(500);
  const signature = await signDetached(cast.signer, data, 'catalog/a.json');
  const trusted = [cast.reader.publicKey, cast.host.publicKey];
  const status = async (...changed: [Uint8Array, Uint8Array, string]) =>
    (await verifyDetached(...changed, trusted)).status;
  assert.equal(await status(data, signature, 'catalog/a.json'), 'good');
  assert.equal(await status(data, signature, 'catalog/b.json'), 'bad');
  assert.equal(await status(sampleBytes(501), signature, 'catalog/a.json'), 'bad');
  assert.equal(await status(data, Buffer.from('text'), 'catalog/a.json'), 'bad');
  assert.equal(await status(data, Buffer.concat([signature, Buffer.of(0)]), 'catalog/a.json'), 'bad');
  assert.equal(await status(data, Buffer.alloc(0), 'catalog/a.json'), 'unsigned');
  const verdict = await verifyDetached(data, signature, 'catalog/a.json', [cast.reader.publicKey]);
  assert.equal(verdict.status, 'untrusted');
});

test('detached: no flipped or missing byte of the signature leaves it good', async () => {
  const data = sampleBytes(50);
  const signature = await signDetached(cast.signer, data, 'catalog/a.json');
  for (let bit = 0; bit < signature.length * 8; bit++) {
    const flipped = withFlippedBit(signature, bit);
    const { status } = await verifyDetached(data, flipped, 'catalog/a.json', [cast.host.publicKey]);
    assert.notEqual(status, 'good', `bit ${bit}`);
  }
  for (let length = 0; length < signature.length; length++) {
    const cut = signature.subarray(0, length);
    const { status } = await verifyDetached(data, cut, 'catalog/a.json', [cast.host.publicKey]);
    assert.notEqual(status, 'good', `cut at ${length}`);
  }
});
