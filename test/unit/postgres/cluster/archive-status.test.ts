import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { ArchiveStatus } from '../../../../src/postgres/cluster/archive-status.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const names = [
  '000000010000000000000003',
  '000000010000000000000003.00000028.backup',
  '000000010000000000000004.partial',
  '00000002.history',
];

/** A `pg_wal` whose `archive_status` has these files. */
function walDirectoryWith(files: readonly string[]): string {
  const walDirectory = temporaryDirectory('status', { keepOwner: true });
  mkdirSync(join(walDirectory, 'archive_status'));
  for (const file of files) writeFileSync(join(walDirectory, 'archive_status', file), '');
  return walDirectory;
}

it('takes no other name for one that waits, as PostgreSQL does not', async () => {
  const others = [
    '000.x.ready',
    '.ready',
    '00000001000000000000000a.ready',
    '000000010000000000000005',
    '.done',
  ];
  const ready = names.map(name => `${name}.ready`);
  const walDirectory = walDirectoryWith([...ready, ...others, '000000010000000000000002.done']);
  const found = await new ArchiveStatus(walDirectory).read();
  assert.deepEqual(found.ready.toSorted(), names);
  assert.deepEqual(found.done, ['000000010000000000000002']);
});

it('marks what is still ready as done, and tells which', async () => {
  const walDirectory = walDirectoryWith(names.slice(0, 2).map(name => `${name}.ready`));
  assert.deepEqual(await new ArchiveStatus(walDirectory).markDone(names.slice(1, 3)), names.slice(1, 2));
  assert.deepEqual(
    readdirSync(join(walDirectory, 'archive_status')).toSorted(),
    [`${names[1]}.done`, `${names[0]}.ready`].toSorted(),
  );
});

it('finds nothing marked where there is no such directory', async () => {
  const walDirectory = temporaryDirectory('status', { keepOwner: true });
  assert.deepEqual(await new ArchiveStatus(walDirectory).read(), { ready: [], done: [] });
  writeFileSync(join(walDirectory, 'archive_status'), '');
  assert.deepEqual(await new ArchiveStatus(walDirectory).read(), { ready: [], done: [] });
});
