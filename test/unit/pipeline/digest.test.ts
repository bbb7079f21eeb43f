import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'vitest';
import { digestStream } from '../../../src/pipeline/digest.ts';
import { sampleBytes, through } from '../../support/streams.ts';

test('digest: counts and hashes what passes, and passes it unchanged', async () => {
  for (const sizeBytes of [0, 1, 200_000]) {
    const data = sampleBytes(sizeBytes);
    const digest = digestStream();
    assert.deepEqual(await through(digest.transform, data, 1000), data);
    const sha256 = createHash('sha256').update(data).digest('hex');
    assert.deepEqual(digest.result(), { sizeBytes, sha256 });
  }
});
