import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { CfbDecipher } from '../../../src/pipeline/openpgp/message/cfb-decipher.ts';
import { sampleBytes } from '../../support/streams.ts';

/** Around blocks, and around the pieces that are decrypted at once. */
const chunkBytes = fc.oneof(
  fc.integer({ min: 0, max: 50 }),
  fc.integer({ min: 65_500, max: 65_600 }),
  fc.integer({ min: 131_000, max: 131_200 }),
);

test('what OpenSSL encrypts in CFB mode comes back, however it is cut', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(16, 24, 32),
      fc.nat({ max: 1000 }),
      fc.array(chunkBytes, { minLength: 1, maxLength: 12 }),
      (keyBytes, seed, sizes) => {
        const key = sampleBytes(keyBytes, seed);
        const plain = sampleBytes(
          sizes.reduce((total, size) => total + size, 0),
          seed + 1,
        );
        const encrypted = createCipheriv(`aes-${keyBytes * 8}-cfb`, key, Buffer.alloc(16)).update(plain);
        const decipher = new CfbDecipher(key);
        const decrypted: Buffer[] = [];
        let offset = 0;
        for (const size of sizes)
          decrypted.push(decipher.update(encrypted.subarray(offset, (offset += size))));
        assert.deepEqual(
          decrypted.map(({ length }) => length),
          sizes,
        );
        assert.ok(Buffer.concat(decrypted).equals(plain));
      },
    ),
    { numRuns: 200 },
  );
});
