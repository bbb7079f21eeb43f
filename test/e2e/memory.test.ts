/** Memory of push; `npm run soak` measures backup and restore of a large cluster as well. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { createSite } from '../support/site/site.ts';
import { memoryLimits, memoryOfPush } from '../support/torture/memory.ts';

test('push of a segment of 16 MiB stays within 160 MiB', async () => {
  const bytes = await memoryOfPush(await createSite(), 16);
  assert.ok(bytes > 0);
  assert.ok(bytes <= memoryLimits.pushBytes, `${bytes} bytes`);
});
