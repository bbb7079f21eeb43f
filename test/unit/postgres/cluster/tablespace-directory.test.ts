import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { walkDataDirectory } from '../../../../src/postgres/cluster/data-directory.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { makeControlFile } from '../../../support/wal/made-control-file.ts';

test("a tablespace's files are those of the cluster's catalogues, also of a major version that its control file does not tell", async () => {
  const data = temporaryDirectory('data', { keepOwner: true });
  const space = temporaryDirectory('space', { keepOwner: true });
  const catalogVersion = 202_707_071;
  for (const version of [
    `PG_20_${catalogVersion}`,
    'PG_19_202609161',
    `PG_${catalogVersion}`,
    'lost+found',
  ]) {
    mkdirSync(join(space, version, '5'), { recursive: true });
    writeFileSync(join(space, version, '5', '16385'), 'x');
  }
  for (const directory of ['global', 'pg_tblspc']) mkdirSync(join(data, directory));
  writeFileSync(join(data, 'global', 'pg_control'), makeControlFile({ catalogVersion }));
  symlinkSync(space, join(data, 'pg_tblspc', '16400'));
  const entries = await Array.fromAsync(walkDataDirectory(data, new AbortController().signal));
  assert.deepEqual(
    entries
      .filter(({ type, path }) => type === 'file' && path.startsWith('pg_tblspc'))
      .map(({ path }) => path),
    [`pg_tblspc/16400/PG_20_${catalogVersion}/5/16385`],
  );
});
