/** The whole promise in one procedure: a dropped table comes back, from every kind of store. */
import assert from 'node:assert/strict';
import { archiveEverything, commitRows, outcomeOf, rowsOf, type Site } from './site.ts';
import { backUp, restoreInto, startCopy } from './cycle.ts';
import { readArchiver } from '../../../src/postgres/server/archiver.ts';

/**
 * Checks, archives, backs up, archives on, drops the table, archives that too, and restores to the moment before; each
 * step by the executable, the segments by PostgreSQL's own archiver and recovery.
 */
export async function bringBackDroppedTable(site: Site): Promise<void> {
  const rowCount = 5;
  await using origin = await site.startOrigin();
  const checked = await site.walvault(['check', '--private-key', site.privateKeyPath], { env: origin.env });
  assert.equal(checked.exitCode, 0, checked.stdout + checked.stderr);
  await commitRows(origin, 1, 2);
  await backUp(site, origin);
  await commitRows(origin, 3, rowCount);
  const [row] = await origin.query<{ now: string }>('select clock_timestamp()::text as now');
  await origin.query('drop table committed');
  await archiveEverything(origin);
  assert.equal((await readArchiver(origin)).failedCount, 0, origin.log());
  await origin.stop();

  const target = ['--target-time', row?.now ?? '', '--target-action', 'promote'];
  await using copy = await startCopy(site, await restoreInto(site, target));
  assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
  assert.deepEqual(
    await rowsOf(copy),
    Array.from({ length: rowCount }, (_, index) => index + 1),
  );
}
