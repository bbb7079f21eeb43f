/** Cleanup beside everything else that uses the archive. `npm run soak` does the same for longer. */
import { test } from 'vitest';
import { createSite } from '../support/site/site.ts';
import { cleanUpLive } from '../support/torture/live-cleanup.ts';

test('cleanups beside archiving, backups and restores take nothing that these need', async () => {
  await cleanUpLive(await createSite(), { restores: 2, backups: 3 });
});
