/** The store goes away under a writing server and comes back; `npm run soak -- outage` does it for longer. */
import { test } from 'vitest';
import { surviveOutages } from '../support/torture/outage.ts';

test('nothing is lost, and nothing grows, while S3 is away', async ({ annotate }) => {
  const figures = await surviveOutages({ outages: 1, awayMs: 15_000, presentMs: 500, pauseMs: 15 });
  await annotate(JSON.stringify(figures));
});
