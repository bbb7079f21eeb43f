/**
 * Every version that is supported, and with them segments of 2 to 32 MiB (`segment-sizes.test.ts` has the others). 15 is what
 * the other tests run on; `npm run soak -- versions` asks more of each.
 */
import { it } from 'vitest';
import { embeddedBinaries, requireInstalled } from '../support/servers/postgres-binaries.ts';
import { localTools } from '../support/servers/postgres-tools.ts';
import { liveThrough } from '../support/site/version-cycle.ts';

for (const [major, segmentSizeMiB] of [
  [13, 2],
  [14, 8],
  [16, 32],
  [17, 4],
  [18, 16],
] as const)
  it(`PostgreSQL ${major}, segments of ${segmentSizeMiB} MiB: a restored copy is the database as it was`, async () => {
    const binDir = embeddedBinaries(major);
    requireInstalled(binDir);
    await liveThrough({ binDir, segmentSizeMiB, tools: await localTools(), isThorough: major === 13 });
  });
