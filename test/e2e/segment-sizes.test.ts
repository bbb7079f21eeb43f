/** Segments of 1 GB take too long here: `npm run soak -- segment-sizes`. */
import assert from 'node:assert/strict';
import { it } from 'vitest';
import { archiveAndRecover } from '../support/torture/segment-sizes.ts';

for (const segmentSizeMiB of [1, 16, 64])
  it(`segments of ${segmentSizeMiB} MiB are sent and fetched ahead`, async () => {
    const { archived, asked, served } = await archiveAndRecover(segmentSizeMiB, 9);
    assert.ok(asked < archived, `${asked} of ${archived} asked for`);
    assert.ok(served > 0);
  });
