/** Small objects that unpack to very much: none of what exceeds the bound comes out of the codec. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { fetchAhead } from '../../../../src/operations/fetch/fetch-ahead.ts';
import { Laggards } from '../../../../src/operations/fetch/laggards.ts';
import { walKey } from '../../../../src/repository/format/layout.ts';
import { Secret } from '../../../../src/base/secret.ts';
import { tags, writePacket } from '../../../../src/pipeline/openpgp/message/packet-header.ts';
import { passphrasePacket } from '../../../../src/pipeline/openpgp/message/session-key-packets.ts';
import { Codec } from '../../../../src/repository/encoding/codec.ts';
import { Keyring } from '../../../../src/repository/encoding/keyring.ts';
import {
  compressedPacket,
  emptyFrames,
  encryptedMessage,
  literalPacket,
  zstdBomb,
} from '../../../support/hostile/bombs.ts';
import { silentLog } from '../../../support/logs.ts';
import {
  geometry,
  makeRepository,
  plainCodec,
  segmentSizeBytes,
  signal,
  system,
} from '../../../support/site/archive.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { walFile } from '../../../support/wal/wal.ts';
import { plant } from '../../../support/hostile/archive.ts';
import { inChunks } from '../../../support/streams.ts';

const mebibyte = 1024 ** 2;
const limitBytes = mebibyte;
const many = (count: number, packet: Uint8Array) =>
  Buffer.concat(Array.from({ length: count }, () => packet));
const passphrase = 'a passphrase of several words';
const keyring = new Keyring({ ...plainCodec().keyring.settings, passphrases: [new Secret(passphrase)] });
const codec = new Codec(keyring, { compressionLevel: 1, verifySignatures: 'off' }, silentLog);

/** How the reading of `stored` ends, how many bytes come out of it before, and how many go in. */
async function reading(
  stored: AsyncIterable<Uint8Array>,
  options: Partial<Parameters<Codec['decode']>[2]> = {},
) {
  let sizeBytes = 0;
  let takenBytes = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of stored) {
      takenBytes += chunk.length;
      yield chunk;
    }
  }
  try {
    for await (const chunk of codec.decode('key', counted(), { limitBytes, signal, ...options }))
      sizeBytes += chunk.length;
  } catch (error) {
    return { error: error as Error & { code?: string }, sizeBytes, takenBytes };
  }
  return { error: undefined, sizeBytes, takenBytes };
}

describe('an object that unpacks to more than it may', () => {
  const gibibyte = zstdBomb(1024 * mebibyte);
  const zeros = Buffer.alloc(64 * mebibyte);
  const bombs: Record<string, () => Promise<Uint8Array> | Uint8Array> = {
    plain: () => zeros,
    'a zstd frame': () => gibibyte,
    'zstd inside the encryption': () => encryptedMessage(passphrase, literalPacket(gibibyte)),
    'compressed by gpg': () => encryptedMessage(passphrase, compressedPacket(literalPacket(zeros))),
    'zstd compressed by gpg': () => encryptedMessage(passphrase, compressedPacket(literalPacket(gibibyte))),
  };
  for (const [name, make] of Object.entries(bombs))
    it(`gives none of the rest: ${name}`, async () => {
      const stored = await make();
      for (const inMemory of [undefined, { storedSizeBytes: 1000, plainSizeBytes: 1000, releases: [] }]) {
        const { error, sizeBytes } = await reading(inChunks(stored, 65_536), { inMemory });
        assert.equal(error?.code, 'damaged', String(error));
        assert.match(error.message, /more than \d+ bytes/);
        assert.ok(sizeBytes <= limitBytes, `${sizeBytes} bytes`);
      }
    });

  it('is allowed what it may have, to the byte', async () => {
    for (const stored of [Buffer.alloc(limitBytes), zstdBomb(limitBytes)])
      assert.deepEqual(await reading(inChunks(stored, 65_536)), {
        error: undefined,
        sizeBytes: limitBytes,
        takenBytes: stored.length,
      });
  });
});

describe('an object that is stored without end', () => {
  async function* endless(head: Uint8Array, chunk: Uint8Array): AsyncGenerator<Uint8Array> {
    yield head;
    for (;;) yield chunk;
  }
  const skippable = Buffer.from('502a4d18ffffffff', 'hex');

  it('is read no further than the largest encoding of what it may hold', async () => {
    for (const head of [skippable, Buffer.from('28b52ffd0038', 'hex'), Buffer.from('plain text')]) {
      const { error, sizeBytes, takenBytes } = await reading(endless(head, Buffer.alloc(65_536)));
      assert.equal(error?.code, 'damaged', String(error));
      assert.ok(sizeBytes <= limitBytes && takenBytes <= 4 * mebibyte, `${sizeBytes} ${takenBytes}`);
    }
  });

  it('ends with the signal, also while it unpacks what has arrived', async () => {
    const controller = new AbortController();
    const reason = new Error('the time is up');
    const plain = codec.decode('key', inChunks(zstdBomb(64 * mebibyte), 65_536), {
      limitBytes: 64 * mebibyte,
      signal: controller.signal,
    });
    await plain.next();
    controller.abort(reason);
    await assert.rejects(plain.next(), error => error === reason);
  });
});

describe('an object of very many small things', () => {
  const marker = writePacket(tags.marker, Buffer.from('PGP'));
  const { packet: sessionKey } = passphrasePacket(Buffer.alloc(8, 1));
  const objects: Record<string, () => Promise<Uint8Array> | Uint8Array> = {
    frames: () => emptyFrames(100_000),
    'frames in one piece': () => emptyFrames(100_000),
    markers: () => Buffer.concat([sessionKey, many(1000, marker)]),
    'markers inside': () => encryptedMessage(passphrase, compressedPacket(many(100_000, marker))),
    passphrases: () => many(60, sessionKey),
    'session keys': () => many(1000, writePacket(tags.publicKeySessionKey, Buffer.alloc(100, 3))),
  };
  for (const [name, make] of Object.entries(objects))
    it(`is damaged: ${name}`, async () => {
      const stored = await make();
      const held = { storedSizeBytes: stored.length, plainSizeBytes: 1000, releases: [] };
      const inMemory = name.includes('piece') ? held : undefined;
      const startedAt = performance.now();
      const { error } = await reading(inChunks(stored, 65_536), { inMemory });
      assert.equal(error?.code, 'damaged', String(error));
      assert.match(error.message, /more than \d+ (frames|packets|passphrases|keys)/);
      assert.ok(performance.now() - startedAt < 2000);
    });
});

describe('an OpenPGP message', () => {
  it('is damaged with a packet that is too large to be small', async () => {
    const large = writePacket(tags.publicKeySessionKey, Buffer.alloc(20_000, 3));
    const { error } = await reading(inChunks(large, 65_536));
    assert.match(String(error), /packet of kind 1 is too large/);
  });

  it('is damaged with more signatures than there can be', async () => {
    const onePass = writePacket(tags.onePassSignature, Buffer.alloc(13, 3));
    const stored = await encryptedMessage(passphrase, many(9, onePass));
    const { error } = await reading(inChunks(stored, 65_536));
    assert.match(String(error), /packet of kind 4 where its content should be/);
  });
});

describe('a segment that is fetched ahead', () => {
  it('is not written beyond its size, and leaves nothing', async () => {
    const repository = await makeRepository();
    const name = geometry.nameOf(1, 5n);
    await plant(repository, walKey(system, walFile(name)), zstdBomb(1024 * mebibyte));
    const directory = temporaryDirectory('prefetch', { keepOwner: true });
    const fetched = fetchAhead({
      name,
      destination: join(directory, name),
      system,
      segmentSizeBytes,
      headerCheck: true,
      repositories: [repository],
      laggards: new Laggards(),
      log: silentLog,
      signal,
      silenceMs: 10_000,
    });
    await assert.rejects(fetched, { code: 'damaged', message: /unpacks to more than 1048576 bytes/ });
    assert.deepEqual(readdirSync(directory), []);
  });
});
