/** `restore --database` from trees of backups, on the oldest and newer versions, with and without images of pages in WAL. */
import { it } from 'vitest';
import { embeddedBinaries, requireInstalled } from '../support/servers/postgres-binaries.ts';
import { restoreOnlyDatabases } from '../support/site/only-databases.ts';

for (const [major, fullPageWrites, backups] of [
  [13, 'on', ['full']],
  [15, 'on', ['full', 'differential', 'incremental']],
  [17, 'off', ['full', 'incremental']],
  [18, 'on', ['full', 'incremental']],
] as const)
  it(`PostgreSQL ${major}, ${backups.length} backups, full_page_writes = ${fullPageWrites}: one database comes back`, async () => {
    const binDir = embeddedBinaries(major);
    requireInstalled(binDir);
    await restoreOnlyDatabases({ binDir, fullPageWrites, backups });
  });
