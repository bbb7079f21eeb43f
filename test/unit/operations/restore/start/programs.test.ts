import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { findPgCtl } from '../../../../../src/operations/restore/start/programs.ts';
import { lastWordsIn, startLogName } from '../../../../../src/operations/restore/start/server-log.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';

const { signal } = new AbortController();
const scratch = temporaryDirectory('programs', { keepOwner: true });

function programs(name: string, says: string): string {
  const directory = join(scratch, name);
  mkdirSync(directory);
  writeFileSync(join(directory, 'pg_ctl'), `#!/bin/sh\necho '${says}'\n`, { mode: 0o755 });
  return directory;
}

const old = programs('old', 'pg_ctl (PostgreSQL) 97.6');
const right = programs('right', 'pg_ctl (PostgreSQL) 99beta1 (Debian 99~beta1-1)');
const odd = programs('odd', 'usage: pg_ctl');

test('the pg_ctl of the right version is found, in the named directory or in PATH', async () => {
  const search = { postgresMajor: 99, signal };
  assert.equal(await findPgCtl({ ...search, pgBin: right, env: {} }), join(right, 'pg_ctl'));
  const env = { PATH: `relative:${odd}:${old}:/nowhere:${right}` };
  assert.equal(await findPgCtl({ ...search, pgBin: undefined, env }), join(right, 'pg_ctl'));
});

test('another version, another program and none are refused, and named', async () => {
  const search = { postgresMajor: 99, signal, env: { PATH: `${odd}:${old}` } };
  const refused = (pgBin: string | undefined, message: RegExp) =>
    assert.rejects(findPgCtl({ ...search, pgBin }), { code: 'postgres', message });
  await refused(old, /no pg_ctl of PostgreSQL 99 .*: .*old\/pg_ctl is of 97\.6$/);
  await refused('/nowhere', /: \/nowhere\/pg_ctl does not run$/);
  await refused(undefined, /: .*odd\/pg_ctl does not run, .*old\/pg_ctl is of 97\.6$/);
});

test('the last lines come from where the server wrote last', () => {
  const directory = join(scratch, 'data');
  mkdirSync(join(directory, 'log'), { recursive: true });
  assert.deepEqual(lastWordsIn(directory, 2).lines, []);
  writeFileSync(join(directory, startLogName), 'one\ntwo\n\nthree\n');
  assert.deepEqual(lastWordsIn(directory, 2).lines, ['two', 'three']);
  writeFileSync(join(directory, 'log/collected.log'), `${'x'.repeat(100_000)}\nlast\n`);
  writeFileSync(join(directory, 'current_logfiles'), 'stderr log/collected.log\n');
  assert.deepEqual(lastWordsIn(directory, 1), {
    path: join(directory, 'log/collected.log'),
    lines: ['last'],
  });
});
