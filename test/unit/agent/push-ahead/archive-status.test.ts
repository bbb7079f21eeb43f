import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { ArchiveStatus } from '../../../../src/agent/push-ahead/archive-status.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

it('knows its files by whatever path they are named, and no others', () => {
  const directory = temporaryDirectory('status', { keepOwner: true });
  const walDirectory = join(directory, 'wal');
  for (const name of ['wal', 'data', 'elsewhere']) mkdirSync(join(directory, name));
  symlinkSync(walDirectory, join(directory, 'data/pg_wal'));
  const status = new ArchiveStatus(walDirectory);
  const nameOf = (path: string) => status.nameOf(status.locate(join(directory, path)));
  assert.equal(nameOf('wal/00000002.history'), '00000002.history');
  assert.equal(nameOf('data/pg_wal/00000002.history'), '00000002.history');
  assert.equal(nameOf('elsewhere/00000002.history'), undefined);
  assert.equal(nameOf('missing/00000002.history'), undefined);
});

it('takes no other name for one that waits, as PostgreSQL does not', async () => {
  const walDirectory = temporaryDirectory('status', { keepOwner: true });
  const names = [
    '000000010000000000000003',
    '000000010000000000000003.00000028.backup',
    '000000010000000000000004.partial',
    '00000002.history',
  ];
  mkdirSync(join(walDirectory, 'archive_status'));
  for (const name of [...names, '000.x', '', '00000001000000000000000a'])
    writeFileSync(join(walDirectory, 'archive_status', `${name}.ready`), '');
  writeFileSync(join(walDirectory, 'archive_status', '000000010000000000000002.done'), '');
  assert.deepEqual((await new ArchiveStatus(walDirectory).readyNames()).toSorted(), names);
});
