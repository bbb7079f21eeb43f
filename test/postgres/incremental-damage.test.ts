/** A damaged page that no backup after the full one changes is told by each of them: a copy restored from it has that page. */
import assert from 'node:assert/strict';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { createSite } from '../support/site/site.ts';

it('a damaged page of the parent is told by the backups that build on it', async () => {
  const site = await createSite();
  await using origin = await site.startOrigin();
  await origin.query(
    'create table scarred as select n, repeat(md5(n::text), 8) from generate_series(1, 5000) n',
  );
  await origin.query('checkpoint');
  const [row] = await origin.query<{ path: string }>("select pg_relation_filepath('scarred') as path");
  await origin.stop();
  const path = join(origin.dataDirectory, row?.path ?? '');
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.from('scar'), 0, 4, 3 * 8192 + 4000);
  closeSync(file);
  await origin.start();
  for (const type of ['full', 'differential', 'incremental']) {
    const done = await site.walvault(['backup', '--fast', '--json', '--type', type], { env: origin.env });
    assert.equal(done.exitCode, 16, done.stderr);
    const { record } = JSON.parse(done.stdout) as { record: { type: string; namedDamagedPages: object[] } };
    assert.equal(record.type, type === 'full' ? 'full' : 'incremental');
    assert.deepEqual(record.namedDamagedPages, [{ path: row?.path, page: 3 }]);
  }
});
