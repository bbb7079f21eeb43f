/** `restore --database` from trees of backups, on several versions, with and without images of pages in WAL. */
import { it } from 'vitest';
import {
  embeddedBinaries,
  findPostgresBinaries,
  requireInstalled,
} from '../support/servers/postgres-binaries.ts';
import { restoreOnlyDatabases } from '../support/site/only-databases.ts';

it('one database of seven comes back, whatever WAL does to the others, and its dump is the same', async () => {
  await restoreOnlyDatabases({
    binDir: findPostgresBinaries(),
    fullPageWrites: 'off',
    backups: ['full', 'differential', 'incremental'],
  });
});

for (const [major, fullPageWrites, backups] of [
  [13, 'on', ['full']],
  [17, 'off', ['full', 'incremental']],
  [18, 'on', ['full', 'incremental']],
] as const)
  it(`PostgreSQL ${major}, ${backups.join(' and ')}, full_page_writes = ${fullPageWrites}: the same`, async () => {
    const binDir = embeddedBinaries(major);
    requireInstalled(binDir);
    await restoreOnlyDatabases({ binDir, fullPageWrites, backups });
  });
