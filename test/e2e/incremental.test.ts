/** Trees of backups: each of them comes back as the database was, whatever happened between them. */
import assert from 'node:assert/strict';
import { it } from 'vitest';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { localTools } from '../support/servers/postgres-tools.ts';
import { backUp, restoreInto, startCopy, type TakenBackup } from '../support/site/cycle.ts';
import { dumpOf } from '../support/site/database-contents.ts';
import { archiveEverything, createSite, outcomeOf, type Site } from '../support/site/site.ts';
import { checkTables, verifyRestored } from '../support/site/verify-restored.ts';

it('a full backup, a differential and an incremental on it come back exactly', async () => {
  const tools = await localTools();
  const site = await createSite();
  await using origin = await site.startOrigin();
  await origin.query(`
    create table kept (id int primary key, body text);
    insert into kept select n, repeat(md5(n::text), 8) from generate_series(1, 20000) n;
    create table cut as select n, repeat('x', 500) as body from generate_series(1, 20000) n;
    create table rewritten as select n from generate_series(1, 20000) n;
    create table gone as select n from generate_series(1, 20000) n`);
  const backups = [await taken(site, origin, 'full')];
  await origin.query("update kept set body = 'changed' where id % 500 = 0");
  await origin.query('delete from cut where n > 2000');
  await origin.query('vacuum cut');
  await origin.query('create database copied template template0');
  backups.push(await taken(site, origin, 'differential'));
  await origin.query("insert into cut select n, repeat('y', 500) from generate_series(1, 5000) n");
  await origin.query('drop table gone');
  await origin.query('vacuum full rewritten');
  await origin.query("update kept set body = 'again' where id % 700 = 0");
  backups.push(await taken(site, origin, 'incremental'));
  await origin.query('truncate rewritten');
  await archiveEverything(origin);

  const [full, differential, incremental] = backups.map(({ record }) => record);
  assert.equal(full?.type, 'full');
  assert.deepEqual([differential?.parent, incremental?.parent], [full?.id, differential?.id]);
  for (const { record, contents } of backups) {
    const directory = await restoreInto(site, [
      '--backup',
      record.id,
      '--target-immediate',
      '--target-action',
      'promote',
    ]);
    await verifyRestored(directory, tools);
    await using copy = await startCopy(site, directory);
    assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
    assert.ok((await dumpOf(copy, tools)) === contents, record.id);
    await checkTables(copy, tools);
  }
});

interface Taken extends TakenBackup {
  readonly type: string;
  readonly parent?: string;
  readonly sizeBytes: number;
}

async function taken(site: Site, origin: PostgresServer, type: string) {
  const contents = await dumpOf(origin, await localTools());
  return { record: (await backUp(site, origin, ['--type', type])) as Taken, contents };
}
