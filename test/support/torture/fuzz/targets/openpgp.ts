/** OpenPGP: messages, what is inside them, signatures beside objects, keys. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { deflateRawSync, deflateSync } from 'node:zlib';
import { collect, streamOf } from '../../../../../src/base/bytes/streams.ts';
import { Secret } from '../../../../../src/base/secret.ts';
import {
  createDecryptor,
  createSigner,
  readPrivateKeys,
  readPublicKeys,
  verifyDetached,
  type Decryptor,
} from '../../../../../src/pipeline/openpgp/index.ts';
import { deriveKey } from '../../../../../src/pipeline/openpgp/keys/string-to-key.ts';
import { encryptBody } from '../../../../../src/pipeline/openpgp/message/integrity-protected.ts';
import {
  packetHeader,
  tags,
  writePacket,
} from '../../../../../src/pipeline/openpgp/message/packet-header.ts';
import { readVector, vectorKeyPath, vectorNames } from '../../../vectors/vector.ts';
import { mebibyte } from '../limits.ts';
import type { Random } from '../random.ts';
import { inRandomChunks, type FuzzTarget } from '../target.ts';

const objectKey = 'orders/7300000000000000001/wal/00000001/00000000/000000010000000000000007';
const passphrase = 'correct horse';
/** A derivation that takes no time. */
const derivation = { hash: 'sha256', salt: Buffer.alloc(8, 7), countBytes: 1024 };
const sessionKey = deriveKey(passphrase, derivation, 32);
const passphrasePacket = writePacket(
  tags.passphraseSessionKey,
  Buffer.concat([Buffer.of(4, 9, 3, 8), derivation.salt, Buffer.of(0)]),
);

const keyFile = (name: string) => readFileSync(vectorKeyPath(name));

async function openReader(): Promise<Decryptor> {
  return await createDecryptor({
    privateKeys: await readPrivateKeys(keyFile('reader-private.asc'), 'reader-private.asc'),
    passphrases: [new Secret(passphrase)],
    trustedSigners: await readPublicKeys(keyFile('writer-public.asc'), 'writer-public.asc'),
  });
}

async function readAll(decryptor: Decryptor, message: Uint8Array, random: Random): Promise<void> {
  const run = decryptor.start(objectKey);
  let sizeBytes = 0;
  for await (const chunk of run.apply(inRandomChunks(message, random))) {
    sizeBytes += chunk.length;
    // Who reads an object knows how long it may be, and stops.
    if (sizeBytes > 8 * mebibyte) return;
  }
  run.verdict();
}

/** A message to the passphrase, with this inside its encryption. */
async function encrypted(inside: Uint8Array): Promise<Buffer> {
  const body = await collect(encryptBody(streamOf(inside), sessionKey, Buffer.alloc(16, 1)), 16 * mebibyte);
  return Buffer.concat([passphrasePacket, packetHeader(tags.integrityProtected, body.length), body]);
}

const literal = (data: string) =>
  writePacket(tags.literal, Buffer.concat([Buffer.from('b\0\0\0\0\0', 'latin1'), Buffer.from(data)]));

export const openpgpMessage: FuzzTarget = {
  name: 'openpgp-message',
  reads: 'an encrypted object',
  parsers: [
    'pipeline/detect.ts#detectFormat',
    'pipeline/openpgp/message/packet-header.ts#readPacketHeader',
    'pipeline/openpgp/message/packet-header.ts#readNewLength',
    'pipeline/openpgp/message/session-key-packets.ts#openPassphrasePacket',
    'pipeline/openpgp/message/session-key-packets.ts#decryptSessionKey',
    'pipeline/openpgp/message/integrity-protected.ts#decryptBody',
  ],
  async open() {
    const decryptor = await openReader();
    const whole = await encrypted(literal('plain text'));
    return {
      form: 'bytes',
      corpus: [
        ...vectorNames()
          .filter(name => name.startsWith('wal-openpgp'))
          .map(name => readVector(name).body),
        whole,
        Buffer.concat([...Array.from({ length: 8 }, () => passphrasePacket), whole]),
      ],
      parse: (input, { random }) => readAll(decryptor, input, random),
    };
  },
};

export const openpgpInside: FuzzTarget = {
  name: 'openpgp-inside',
  reads: 'what is inside the encryption, by a writer who knows the recipient',
  parsers: [
    'pipeline/openpgp/message/message-reader.ts#readMessage',
    'pipeline/openpgp/sign/signature-packet.ts#parseSignatureBody',
  ],
  async open() {
    const decryptor = await openReader();
    const [key] = await readPrivateKeys(keyFile('reader-private.asc'), 'reader-private.asc');
    if (key === undefined) throw new Error('no key');
    const signer = createSigner(key);
    const signature = signer.signaturePacket(createHash('sha256').update('plain text'), {
      objectKey,
      timeSeconds: 1,
    });
    const signed = Buffer.concat([signer.onePassPacket(), literal('plain text'), signature]);
    const compressed = (method: number, data: Uint8Array) =>
      writePacket(tags.compressed, Buffer.concat([Buffer.of(method), data]));
    return {
      form: 'bytes',
      corpus: [
        literal('plain text'),
        signed,
        Buffer.concat([writePacket(tags.marker, Buffer.from('PGP')), signed]),
        compressed(0, signed),
        compressed(1, deflateRawSync(signed)),
        compressed(2, deflateSync(signed)),
        compressed(2, deflateSync(literal('x'.repeat(mebibyte)))),
        compressed(1, deflateRawSync(compressed(1, deflateRawSync(signed)))),
      ],
      async parse(input, { random }) {
        await readAll(decryptor, await encrypted(input), random);
      },
    };
  },
};

export const openpgpSignature: FuzzTarget = {
  name: 'openpgp-signature',
  reads: 'a signature beside a record or a note, or in metadata',
  parsers: ['pipeline/openpgp/sign/detached.ts#verifyDetached'],
  async open() {
    const trusted = await readPublicKeys(keyFile('writer-public.asc'), 'writer-public.asc');
    const signed = vectorNames()
      .map(readVector)
      .filter(({ signature }) => signature !== undefined);
    return {
      form: 'bytes',
      corpus: signed.map(({ signature }) => signature ?? Buffer.alloc(0)),
      async parse(input, { random }) {
        const { body, key } = random.pick(signed);
        const { status } = await verifyDetached(body, input, key, trusted);
        const other = await verifyDetached(Buffer.concat([body, Buffer.from('x')]), input, key, trusted);
        if (other.status === 'good') throw new Error('good for other data');
        if (status === 'good' && (await verifyDetached(body, input, `${key}x`, trusted)).status === 'good')
          throw new Error('good for another key');
      },
    };
  },
};

export const openpgpKey: FuzzTarget = {
  name: 'openpgp-key',
  reads: 'a file of keys',
  parsers: [
    'pipeline/openpgp/keys/key-packets.ts#readArmor',
    'pipeline/openpgp/keys/key-packets.ts#parseKeyPacket',
    'pipeline/openpgp/keys/plain-key.ts#readPlainKeys',
    'pipeline/openpgp/keys/keys.ts#readPublicKeys',
    'pipeline/openpgp/keys/keys.ts#readPrivateKeys',
    'pipeline/openpgp/multiprecision.ts#parseNumbers',
    'pipeline/openpgp/sign/signing-key.ts#verifyingKeyOf',
  ],
  open() {
    const armored = [
      'reader-private.asc',
      'reader-public.asc',
      'writer-public.asc',
      'stranger-public.asc',
    ].map(keyFile);
    const binary = armored.map(text => {
      const base64 = /\n\n([\s\S]+?)\n(?:=....\n)?-----END/.exec(text.toString())?.[1] ?? '';
      return Buffer.from(base64, 'base64');
    });
    return Promise.resolve({
      form: 'text',
      corpus: [...armored, Buffer.concat(armored.slice(1)), ...binary],
      // Changed packets reach the parser in armor without a checksum, as gpg may write it.
      repair(input) {
        if (input[0] === undefined || input[0] < 0x80) return input;
        const kind = [0x94, 0xc5].includes(input[0]) ? 'PRIVATE' : 'PUBLIC';
        const lines = input.toString('base64').replaceAll(/.{1,64}/g, '$&\n');
        return Buffer.from(
          `-----BEGIN PGP ${kind} KEY BLOCK-----\n\n${lines}-----END PGP ${kind} KEY BLOCK-----\n`,
        );
      },
      async parse(input) {
        const outcomes = await Promise.allSettled([
          readPublicKeys(input, 'a file').then(keys => keys.map(({ expiresAt }) => expiresAt?.toISOString())),
          readPrivateKeys(input, 'a file', [new Secret('wrong')]).then(keys =>
            keys.map(key => key.reveal().keyIds),
          ),
        ]);
        const failed = outcomes.find(outcome => outcome.status === 'rejected');
        if (failed !== undefined) throw failed.reason;
      },
    });
  },
};
