/** Two pushers of one name. `npm run soak` does the same for longer. */
import { describe, it } from 'vitest';
import { createSite } from '../support/site/site.ts';
import { racePushes } from '../support/torture/race.ts';
import { createS3Site } from '../support/site/store-site.ts';

describe('two servers push one name at the same time', () => {
  it('into a directory: different content has one winner, identical content two', async () => {
    await racePushes(await createSite(), 2);
  });

  it('into S3: different content has one winner, identical content two', async () => {
    const { site, server } = await createS3Site();
    try {
      await racePushes(site, 2);
    } finally {
      await server.close();
    }
  });
});
