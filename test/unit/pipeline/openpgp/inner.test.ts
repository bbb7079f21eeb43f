/** Messages that are well encrypted and odd inside: only somebody with the recipient's key can have made them. */
import assert from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import { deflateRawSync, deflateSync } from 'node:zlib';
import { beforeAll, test } from 'vitest';
import { collect, streamOf } from '../../../../src/base/bytes/streams.ts';
import { Secret } from '../../../../src/base/secret.ts';
import { createDecryptor, type Decryptor } from '../../../../src/pipeline/openpgp/index.ts';
import { decryptBody, encryptBody } from '../../../../src/pipeline/openpgp/message/integrity-protected.ts';
import { tags, writePacket } from '../../../../src/pipeline/openpgp/message/packet-header.ts';
import { passphrasePacket } from '../../../../src/pipeline/openpgp/message/session-key-packets.ts';
import { deriveKey } from '../../../../src/pipeline/openpgp/keys/string-to-key.ts';
import { everything } from '../../../support/streams.ts';
import { decrypt, makeCast, type Cast } from '../../../support/openpgp/fixtures.ts';

const { packet, parameters } = passphrasePacket(randomBytes(8));
const sessionKey = deriveKey('p', parameters, 32);
const literal = writePacket(tags.literal, Buffer.from('b\0\0\0\0\0hello', 'latin1'));
let cast: Cast;
let decryptor: Decryptor;

beforeAll(async () => {
  cast = await makeCast();
  const options = { privateKeys: [], passphrases: [new Secret('p')], trustedSigners: [cast.host.publicKey] };
  decryptor = await createDecryptor(options);
});

async function read(...inner: Uint8Array[]) {
  const encrypted = encryptBody(streamOf(...inner), sessionKey, randomBytes(16));
  const body = await collect(encrypted, everything);
  return await decrypt(decryptor, Buffer.concat([packet, writePacket(tags.integrityProtected, body)]));
}

function compressed(method: number, data: Uint8Array, ...behind: Uint8Array[]): Buffer {
  return writePacket(tags.compressed, Buffer.concat([Buffer.of(method), data, ...behind]));
}

test('inner: plain, deflated and uncompressed-in-a-packet content is read, markers are passed over', async () => {
  const marker = writePacket(tags.marker, Buffer.from('PGP'));
  for (const inner of [
    literal,
    Buffer.concat([marker, literal]),
    compressed(0, literal),
    compressed(1, deflateRawSync(literal)),
    compressed(2, deflateSync(literal)),
  ])
    assert.equal((await read(inner)).plain.toString(), 'hello');
});

test('inner: a wrong passphrase that seems to fit, as one does in 65,536 messages, is passed over', async () => {
  const wrong = randomBytes(32);
  const keys = async function* () {
    yield { data: wrong, isFromPassphrase: true };
    yield { data: sessionKey, isFromPassphrase: true };
  };
  const block = (key: Uint8Array) => {
    const cipher = createCipheriv('aes-256-ecb', key, null);
    return (data: Uint8Array) => cipher.update(data);
  };
  const [right, other] = [block(sessionKey), block(wrong)];
  const [rightStart, otherStart] = [right(Buffer.alloc(16)), other(Buffer.alloc(16))];
  const xor = (...parts: Buffer[]) =>
    parts.reduce((sum, part) => sum.map((byte, i) => byte ^ (part[i] ?? 0)) as Buffer);
  // CFB by hand: under the wrong key the prefix must repeat its last two bytes, too.
  const seemsToFit = (prefix: Buffer) => {
    const first = xor(rightStart, prefix);
    const repeated = xor(other(first).subarray(0, 2), right(first).subarray(0, 2), prefix.subarray(14));
    return repeated.equals(xor(otherStart, first).subarray(14));
  };
  let prefix = randomBytes(16);
  while (!seemsToFit(prefix)) prefix = randomBytes(16);
  const body = await collect(encryptBody(streamOf(literal), sessionKey, prefix), everything);
  const plain = await collect(decryptBody(streamOf(body), keys(), 'o'), everything);
  assert.deepEqual(Buffer.from(plain), literal);
});

test('inner: what no sane writer makes is damaged', async () => {
  const announced = cast.signer.onePassPacket();
  const half = deflateRawSync(literal);
  for (const [what, inner] of Object.entries({
    nothing: [],
    'two literals': [literal, literal],
    'data behind the literal': [literal, Buffer.from('more')],
    'an announced signature that is missing': [announced, literal],
    'something else for the signature': [announced, literal, literal],
    'a packet that should not be here': [writePacket(tags.signature, Buffer.alloc(30)), literal],
    'a literal that ends in its header': [writePacket(tags.literal, Buffer.from('b\x09abc', 'latin1'))],
    'twice compressed': [compressed(1, deflateRawSync(compressed(1, deflateRawSync(literal))))],
    'bytes behind the compressed data': [compressed(1, deflateRawSync(literal), Buffer.alloc(50_000, 7))],
    'half of the compressed data': [compressed(1, half.subarray(0, half.length - 4))],
    'compressed nonsense': [compressed(2, Buffer.from('nonsense'))],
    'an unknown method': [compressed(9, literal)],
    'nine announced signatures': [...Array.from({ length: 9 }, () => announced), literal],
  }))
    await assert.rejects(read(...inner), { name: 'WalvaultError', code: 'damaged' }, what);
});

test('inner: a signature that is no signature is bad, whoever else signed', async () => {
  const announced = cast.signer.onePassPacket();
  const { verdict } = await read(announced, literal, writePacket(tags.signature, Buffer.alloc(30)));
  assert.deepEqual(verdict, { status: 'bad', reason: 'the signature is malformed' });
});
