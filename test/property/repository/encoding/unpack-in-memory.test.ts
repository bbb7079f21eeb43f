/** An object that is decoded in one piece and the same one decoded as a stream: the same content, or the same failure. */
import assert from 'node:assert/strict';
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import * as fc from 'fast-check';
import { beforeAll, test } from 'vitest';
import { collect, streamOf } from '../../../../src/base/bytes/streams.ts';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import { silentLog } from '../../../support/logs.ts';
import { Secret } from '../../../../src/base/secret.ts';
import { compressZstd } from '../../../../src/pipeline/zstd/streaming.ts';
import { definiteLength, tags, writePacket } from '../../../../src/pipeline/openpgp/message/packet-header.ts';
import { openPassphrasePacket } from '../../../../src/pipeline/openpgp/message/session-key-packets.ts';
import { deriveKey } from '../../../../src/pipeline/openpgp/keys/string-to-key.ts';
import { Codec, type CodecSettings } from '../../../../src/repository/encoding/codec.ts';
import { Keyring, type KeySettings } from '../../../../src/repository/encoding/keyring.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { makeCast } from '../../../support/openpgp/fixtures.ts';
import { everything, inChunks, sampleBytes, through, withFlippedBit } from '../../../support/streams.ts';

const key = 'main/7/wal/00000001/00000000/000000010000000000000001';
const passphrase = new Secret('a passphrase of several words');
const data = sampleBytes(150_000);
const bounded = { limitBytes: everything, signal: new AbortController().signal };
const runs = { numRuns: 150 };
let keys: KeySettings;

beforeAll(async () => {
  const cast = await makeCast();
  const directory = temporaryDirectory('keys', { keepOwner: true });
  const file = (name: string, text: string) => {
    writeFileSync(join(directory, name), text, { mode: 0o600 });
    return join(directory, name);
  };
  keys = {
    mode: 'openpgp',
    walRecipients: [file('reader.asc', cast.reader.publicArmored)],
    backupRecipients: [],
    passphrases: [],
    privateKeys: [file('reader-private.asc', cast.reader.privateArmored)],
    privateKeyPassphrases: [],
    signingKey: file('host-private.asc', cast.host.privateArmored),
    signingPassphrase: undefined,
    trustedSigners: [file('host.asc', cast.host.publicArmored)],
  };
});

type Mode = KeySettings['mode'];

function codecOf(mode: Mode, settings: Partial<CodecSettings> = {}): Codec {
  const own = mode === 'passphrase' ? { passphrases: [passphrase], walRecipients: [], privateKeys: [] } : {};
  const keyring = new Keyring({ ...keys, ...own, mode });
  return new Codec(keyring, { compressionLevel: 1, verifySignatures: 'require', ...settings }, silentLog);
}

async function encoded(codec: Codec, plain: Uint8Array, name = key): Promise<Buffer> {
  const run = await codec.encode(name, 'wal');
  return await collect(run.apply(streamOf(plain)), everything);
}

/** The content by its digest, which is quicker told apart. */
type Outcome = { readonly sha256: string } | { readonly code: string };

const sha256Of = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');

async function outcomeOf(reading: Promise<Buffer>): Promise<Outcome> {
  try {
    return { sha256: sha256Of(await reading) };
  } catch (error) {
    if (error instanceof WalvaultError) return { code: error.code };
    throw error;
  }
}

/** As the reader of WAL does it, which knows how much there must be. */
async function whole(codec: Codec, stored: Buffer, chunkBytes: number): Promise<Buffer> {
  const inMemory = { storedSizeBytes: stored.length, plainSizeBytes: data.length, releases: [] };
  return await collect(codec.decode(key, inChunks(stored, chunkBytes), { ...bounded, inMemory }), everything);
}

async function assertAlike(codec: Codec, stored: Buffer, chunkBytes = 65_536): Promise<Outcome> {
  const streamed = await outcomeOf(
    collect(codec.decode(key, inChunks(stored, chunkBytes), bounded), everything),
  );
  assert.deepEqual(await outcomeOf(whole(codec, stored, chunkBytes)), streamed);
  return streamed;
}

const modes = fc.constantFrom<Mode>('openpgp', 'passphrase', 'none');
const levels = fc.constantFrom(0, 1);
const chunks = fc.integer({ min: 300, max: 200_000 });

test('an object as it was written', async () => {
  await fc.assert(
    fc.asyncProperty(modes, levels, chunks, async (mode, compressionLevel, chunkBytes) => {
      const verifySignatures = mode === 'openpgp' ? 'require' : 'off';
      const codec = codecOf(mode, { compressionLevel, verifySignatures });
      const outcome = await assertAlike(codec, await encoded(codec, data), chunkBytes);
      assert.deepEqual(outcome, { sha256: sha256Of(data) });
    }),
    { numRuns: 30 },
  );
});

test('cut anywhere', async () => {
  await fc.assert(
    fc.asyncProperty(modes, levels, fc.nat(), async (mode, compressionLevel, seed) => {
      const codec = codecOf(mode, { compressionLevel, verifySignatures: 'off' });
      const stored = await encoded(codec, data);
      await assertAlike(codec, stored.subarray(0, seed % stored.length));
    }),
    runs,
  );
});

test('with any bit flipped, more of them where packets and frames begin', async () => {
  await fc.assert(
    fc.asyncProperty(
      modes,
      levels,
      fc.oneof(fc.nat({ max: 4000 }), fc.nat()),
      async (mode, compressionLevel, seed) => {
        const codec = codecOf(mode, { compressionLevel, verifySignatures: 'warn' });
        const stored = await encoded(codec, data);
        await assertAlike(codec, withFlippedBit(stored, seed % (stored.length * 8)));
      },
    ),
    runs,
  );
});

test('followed by itself, by another one, by anything', async () => {
  await fc.assert(
    fc.asyncProperty(modes, modes, fc.uint8Array({ maxLength: 40 }), async (mode, other, rest) => {
      const codec = codecOf(mode, { verifySignatures: 'off' });
      const stored = await encoded(codec, data);
      await assertAlike(codec, Buffer.concat([stored, rest]));
      await assertAlike(codec, Buffer.concat([stored, await encoded(codecOf(other), data)]));
      await assertAlike(codec, Buffer.concat([stored, stored]));
    }),
    { numRuns: 40 },
  );
});

test('several frames, skippable ones, more than there should be, and what follows a frame', async () => {
  const compress = compressZstd({ level: 1 });
  const skippable = Buffer.concat([Buffer.of(0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0), Buffer.from('abc')]);
  const part = fc.oneof(
    fc.nat({ max: 90_000 }).map(size => ({ size })),
    fc.constant('skippable' as const),
    fc.uint8Array({ minLength: 1, maxLength: 20 }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(part, { minLength: 1, maxLength: 4 }),
      fc.constantFrom<Mode>('openpgp', 'none'),
      async (parts, mode) => {
        const pieces: Uint8Array[] = [];
        for (const each of parts) {
          if (each === 'skippable') pieces.push(skippable);
          else if ('size' in each) pieces.push(await through(compress, data.subarray(0, each.size)));
          else pieces.push(each);
        }
        // Stored as it is: the codec sees zstd inside.
        const stored = await encoded(codecOf(mode, { compressionLevel: 0 }), Buffer.concat(pieces));
        await assertAlike(codecOf(mode, { verifySignatures: 'off' }), stored);
      },
    ),
    runs,
  );
});

test('whatever the policy says of who signed it, and for which name', async () => {
  const policies = fc.constantFrom<CodecSettings['verifySignatures']>('require', 'warn', 'off');
  await fc.assert(
    fc.asyncProperty(modes, policies, fc.boolean(), async (mode, verifySignatures, isMoved) => {
      const codec = codecOf(mode, { verifySignatures });
      await assertAlike(codec, await encoded(codec, data, isMoved ? `${key}0` : key));
    }),
    { numRuns: 40 },
  );
});

test('packets in every form of length that there is, and in some that there are not', async () => {
  const form = fc.oneof(
    fc.constantFrom('definite' as const, 'old' as const, 'indeterminate' as const),
    fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 40 }),
  );
  const inside = fc.constantFrom('literal' as const, 'compressed' as const, 'twice compressed' as const);
  const codec = codecOf('passphrase', { verifySignatures: 'off' });
  const compressed = await through(compressZstd({ level: 1 }), data);
  const [packet, sessionKey] = await passphrasePacket();
  await fc.assert(
    fc.asyncProperty(form, form, inside, fc.boolean(), async (outer, inner, kind, isZstd) => {
      const literal = Buffer.concat([Buffer.from('b\0\0\0\0\0', 'latin1'), isZstd ? compressed : data]);
      let message = framed(tags.literal, literal, inner);
      if (kind !== 'literal') message = framed(tags.compressed, deflated(message), inner);
      if (kind === 'twice compressed') message = framed(tags.compressed, deflated(message), 'definite');
      const body = protectedBody(message, sessionKey);
      const isOrdinary = outer === 'definite' && inner === 'definite' && kind !== 'twice compressed';
      const stored = Buffer.concat([packet, framed(tags.integrityProtected, body, outer)]);
      const outcome = await assertAlike(codec, stored);
      if (isOrdinary) assert.deepEqual(outcome, { sha256: sha256Of(data) });
    }),
    runs,
  );
});

/** Of a message that the codec itself has made, with the key that it leads to. */
async function passphrasePacket(): Promise<[Buffer, Uint8Array]> {
  const stored = await encoded(codecOf('passphrase'), Buffer.alloc(10));
  const packet = stored.subarray(0, 2 + stored.readUInt8(1));
  const derive = (parameters: Parameters<typeof deriveKey>[1], sizeBytes: number) =>
    deriveKey(passphrase.reveal(), parameters, sizeBytes);
  const opened = [openPassphrasePacket(packet.subarray(2), derive, key) ?? []].flat();
  return [packet, opened[0]?.data ?? Buffer.alloc(0)];
}

function deflated(content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(1), deflateRawSync(content)]);
}

/** Numbers are the exponents of partial lengths, one after the other, and the rest is definite. */
function framed(
  tag: number,
  body: Buffer,
  form: 'definite' | 'old' | 'indeterminate' | readonly number[],
): Buffer {
  if (form === 'definite') return writePacket(tag, body);
  if (form === 'indeterminate') return Buffer.concat([Buffer.of(0x83 | (tag << 2)), body]);
  if (form === 'old') {
    const header = Buffer.alloc(5, 0x82 | (tag << 2));
    header.writeUInt32BE(body.length, 1);
    return Buffer.concat([header, body]);
  }
  const pieces: Buffer[] = [Buffer.of(0xc0 | tag)];
  let offset = 0;
  for (const exponent of form) {
    if (offset + 2 ** exponent > body.length) break;
    pieces.push(Buffer.of(0xe0 | exponent), body.subarray(offset, (offset += 2 ** exponent)));
  }
  return Buffer.concat([...pieces, definiteLength(body.length - offset), body.subarray(offset)]);
}

function protectedBody(content: Buffer, sessionKey: Uint8Array): Buffer {
  const prefix = randomBytes(16);
  const start = Buffer.concat([prefix, prefix.subarray(-2), content, Buffer.of(0xd3, 0x14)]);
  const cipher = createCipheriv(`aes-${sessionKey.length * 8}-cfb`, sessionKey, Buffer.alloc(16));
  const digest = createHash('sha1').update(start).digest();
  return Buffer.concat([Buffer.of(1), cipher.update(Buffer.concat([start, digest]))]);
}
