/** `restore --database` on the PostgreSQL of this machine; `test/e2e/restore-databases.test.ts` has others. */
import { it } from 'vitest';
import { findPostgresBinaries } from '../support/servers/postgres-binaries.ts';
import { restoreOnlyDatabases } from '../support/site/only-databases.ts';

it('one database of seven comes back, whatever WAL does to the others, without images of pages', async () => {
  await restoreOnlyDatabases({
    binDir: findPostgresBinaries(),
    fullPageWrites: 'off',
    backups: ['full'],
  });
});
