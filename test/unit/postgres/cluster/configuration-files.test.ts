import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { readConfiguration, settingsOf } from '../../../../src/postgres/cluster/configuration-files.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

async function configurationOf(files: Readonly<Record<string, string>>) {
  const directory = temporaryDirectory('conf', { keepOwner: true });
  mkdirSync(join(directory, 'conf.d'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const found = await readConfiguration(join(directory, 'postgresql.conf'));
  assert.ok(found !== undefined);
  const missing = new Set(found.missing.map(path => path.replace(`${directory}/`, '')));
  return { settings: Object.fromEntries(settingsOf(found)), missing: [...missing] };
}

test('included files are read in their place', async () => {
  const { settings, missing } = await configurationOf({
    'postgresql.conf':
      "port = 1\ninclude 'a.conf'\ninclude_dir 'conf.d'\ninclude 'gone.conf'\nwork_mem = 3\n",
    'a.conf': 'port = 2\nwork_mem = 1\n',
    'conf.d/b.conf': 'port = 3\n',
    'conf.d/c.txt': 'port = 4\n',
  });
  assert.deepEqual(settings, { port: '3', work_mem: '3' });
  assert.deepEqual(missing, ['gone.conf']);
});

test('files that include each other again and again are not read without end', async () => {
  const again = "include 'a.conf'\n".repeat(20);
  const { settings, missing } = await configurationOf({
    'postgresql.conf': `port = 1\n${again}`,
    'a.conf': again,
  });
  assert.deepEqual([settings, missing], [{ port: '1' }, ['a.conf']]);
});

test('files that include each other may have very many lines', async () => {
  const { settings } = await configurationOf({
    'postgresql.conf': `include 'a.conf'\n${'\n'.repeat(1_000_000)}`,
    'a.conf': `include 'conf.d/b.conf'\n${'\n'.repeat(1_000_000)}port = 2`,
    'conf.d/b.conf': `${'\n'.repeat(1_000_000)}port = 1`,
  });
  assert.deepEqual(settings, { port: '2' });
});

test('files that are large together, and what is no file, count as missing', async () => {
  const large = `port = 5\n${'#'.repeat(9 * 1024 ** 2)}\n`;
  const { settings, missing } = await configurationOf({
    'postgresql.conf': "include 'a.conf'\ninclude 'b.conf'\ninclude '/dev/zero'\n",
    'a.conf': large,
    'b.conf': large.replace('5', '6'),
  });
  assert.deepEqual(settings, { port: '5' });
  assert.deepEqual(missing, ['b.conf', '/dev/zero']);
});
