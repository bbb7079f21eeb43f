/** A configuration that lay outside the data directory, put into a copy: PostgreSQL starts on it, and on nothing else. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { readCopyConfiguration } from '../../src/operations/restore/copy-settings/copy-configuration.ts';
import { makeOwnConfiguration } from '../../src/operations/restore/copy-settings/own-configuration.ts';
import { startPostgres } from '../support/servers/postgres-server.ts';
import { coldCopy } from '../support/site/site.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';

test('a copy whose saved configuration names the directory of its origin runs on its own', async () => {
  await using origin = await startPostgres({ start: false });
  const etc = '/etc/postgresql/99/walvault-test';
  const copy = coldCopy(origin, { withWal: true });
  const saved = join(copy, 'walvault_external', etc);
  mkdirSync(saved, { recursive: true });
  for (const name of ['postgresql.conf', 'pg_hba.conf', 'pg_ident.conf'])
    renameSync(join(copy, name), join(saved, name));
  appendFileSync(
    join(saved, 'postgresql.conf'),
    [
      `data_directory = '${origin.dataDirectory}'`,
      `hba_file = '${etc}/pg_hba.conf'`,
      `ident_file = '${etc}/pg_ident.conf'`,
      "include_dir = 'conf.d'",
      "cluster_name = 'from the saved file'",
      '',
    ].join('\n'),
  );
  const files = ['postgresql.conf', 'pg_hba.conf', 'pg_ident.conf'].map(name => join(etc, name));
  const configuration = await readCopyConfiguration(copy, files);
  const { notIncluded } = await makeOwnConfiguration(copy, configuration, { copies: true });
  assert.deepEqual(notIncluded, [join(etc, 'conf.d')]);
  giveToUnprivileged(copy);
  await using server = await startPostgres({ dataDirectory: copy });
  const [row] = await server.query(
    `select current_setting('data_directory') as data, current_setting('hba_file') as hba,
       current_setting('cluster_name') as name`,
  );
  assert.deepEqual(row, { data: copy, hba: join(saved, 'pg_hba.conf'), name: 'from the saved file' });
});
