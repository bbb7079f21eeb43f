import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { beforeAll, test } from 'vitest';
import { Secret } from '../../../src/base/secret.ts';
import { WalvaultError } from '../../../src/base/errors/errors.ts';
import { createDecryptor, createEncryptor, type Decryptor } from '../../../src/pipeline/openpgp/index.ts';
import { decrypt, encrypt, makeCast, objectKey, type Cast } from '../../support/openpgp/fixtures.ts';
import { sampleBytes, through, withFlippedBit } from '../../support/streams.ts';

let cast: Cast;
let decryptor: Decryptor;
const passphrase = new Secret('pass');
beforeAll(async () => {
  cast = await makeCast();
  decryptor = await createDecryptor({
    privateKeys: [cast.reader.privateKey],
    passphrases: [passphrase],
    trustedSigners: [cast.host.publicKey],
  });
});

const smallData = fc.uint8Array({ maxLength: 3000 });
/** Around the limits of one, two and five length octets, and of one and two parts. */
const anySize = fc.oneof(
  fc.integer({ min: 0, max: 400 }),
  fc.integer({ min: 8300, max: 8450 }),
  fc.integer({ min: 1_048_500, max: 1_048_640 }),
  fc.integer({ min: 2_097_000, max: 2_097_300 }),
);

function isNoticed(error: unknown): boolean {
  return error instanceof WalvaultError && (error.code === 'damaged' || error.code === 'key');
}

test('openpgp: round trip of any size in any chunks, with the right verdict', async () => {
  await fc.assert(
    fc.asyncProperty(
      anySize,
      fc.integer({ min: 1, max: 1_500_000 }),
      fc.boolean(),
      async (sizeBytes, chunkBytes, isSigned) => {
        const data = sampleBytes(sizeBytes);
        const encryptor = await createEncryptor(
          { recipients: [cast.reader.publicKey] },
          isSigned ? cast.signer : undefined,
        );
        const run = await encryptor.start(objectKey);
        const atLeast = Math.max(chunkBytes, Math.ceil(sizeBytes / 500));
        const streamed = await through(source => run.apply(source), data, atLeast);
        const atOnce = (await encryptor.start(objectKey)).applyAtOnce(data, Buffer.alloc);
        for (const message of [streamed, atOnce]) {
          const reading = decryptor.start(objectKey);
          assert.deepEqual(await through(source => reading.apply(source), message, atLeast + 1), data);
          assert.equal(reading.verdict().status, isSigned ? 'good' : 'unsigned');
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('openpgp: every split of the stream is read alike', async () => {
  const data = sampleBytes(500);
  const message = await encrypt({ recipients: [cast.reader.publicKey] }, data, cast.signer);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: message.length }), { maxLength: 8 }),
      async positions => {
        async function* source() {
          const cuts = [0, ...positions.toSorted((a, b) => a - b), message.length];
          for (let index = 1; index < cuts.length; index++)
            yield message.subarray(cuts[index - 1], cuts[index]);
        }
        const run = decryptor.start(objectKey);
        const plain: Uint8Array[] = [];
        for await (const chunk of run.apply(source())) plain.push(chunk);
        assert.deepEqual(Buffer.concat(plain), data);
        assert.equal(run.verdict().status, 'good');
      },
    ),
    { numRuns: 100 },
  );
});

for (const mode of ['recipients', 'passphrase'] as const) {
  const target = () => (mode === 'passphrase' ? { passphrase } : { recipients: [cast.reader.publicKey] });

  test(`openpgp, ${mode}: cut anywhere, a message is damaged`, async () => {
    const encryptor = await createEncryptor(target(), cast.signer);
    await fc.assert(
      fc.asyncProperty(smallData, fc.nat(), async (data, seed) => {
        const run = await encryptor.start(objectKey);
        const message = await through(source => run.apply(source), data);
        const cut = message.subarray(0, seed % message.length);
        await assert.rejects(decrypt(decryptor, cut), isNoticed);
      }),
      { numRuns: 60 },
    );
  });

  test(`openpgp, ${mode}: no flipped bit goes unnoticed, in whichever packet`, async () => {
    const data = sampleBytes(300);
    const message = await encrypt(target(), data, cast.signer);
    // Every bit of the session-key packet and the headers; of what is under the integrity digest, a part.
    for (let bit = 0; bit < message.length * 8; bit += bit < 130 * 8 ? 1 : 5)
      await assert.rejects(decrypt(decryptor, withFlippedBit(message, bit)), isNoticed, `bit ${bit}`);
  });
}

test('openpgp: arbitrary bytes are noticed', async () => {
  const starts = fc.constantFrom([], [0xc1], [0xc3, 13, 4, 9, 3, 8], [0xd2], [0x84], [0xd2, 0xea, 1]);
  await fc.assert(
    fc.asyncProperty(starts, fc.uint8Array({ maxLength: 200 }), async (start, rest) => {
      await assert.rejects(decrypt(decryptor, Buffer.from([...start, ...rest])), isNoticed);
    }),
    { numRuns: 500 },
  );
});
