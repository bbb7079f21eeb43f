import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { decodeMetadata, encodeMetadata } from '../../../../src/repository/format/object-metadata.ts';
import { assertMetadata } from '../../../../src/stores/driver-kit/key.ts';

/** S3's limit, names included, is the smallest of the services'. */
const smallestLimitBytes = 2048;

describe('metadata of WAL objects', () => {
  it('is plain ASCII far below the smallest limit, whatever is in it', () => {
    const largest = {
      sha256: 'f'.repeat(64),
      sizeBytes: Number.MAX_SAFE_INTEGER,
      storedSha256: 'f'.repeat(64),
      storedSizeBytes: Number.MAX_SAFE_INTEGER,
      writeId: 'f'.repeat(24),
      branch: { parent: 0xffff_ffff, switchpoint: 0xffff_ffff_ffff_ffffn },
    };
    const encoded = encodeMetadata(largest);
    assertMetadata('key', encoded, smallestLimitBytes);
    for (const name of Object.keys(encoded))
      assert.match(name, /^[a-z][a-z0-9]*$/, 'Azure wants identifiers');
    const bytes = Object.entries(encoded).flat().join('').length;
    assert(bytes < smallestLimitBytes / 4, String(bytes));
    // RSA 4096, with the longest key that a configuration makes likely.
    const signed = encodeMetadata({ ...largest, signature: Buffer.alloc(512 + 300).toString('base64') });
    assertMetadata('key', signed, smallestLimitBytes);
    // Sizes of 16 digits are no file's; the rest comes back.
    const real = { ...largest, sizeBytes: 2 ** 40, storedSizeBytes: 2 ** 40 };
    assert.deepEqual(decodeMetadata(encodeMetadata(real)), real);
  });
});
