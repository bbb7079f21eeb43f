import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { locate, ownName } from '../../../../src/agent/push-ahead/own-files.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

it('knows the files of its pg_wal by whatever path they are named, and no others', () => {
  const directory = temporaryDirectory('status', { keepOwner: true });
  const walDirectory = join(directory, 'wal');
  for (const name of ['wal', 'data', 'elsewhere']) mkdirSync(join(directory, name));
  symlinkSync(walDirectory, join(directory, 'data/pg_wal'));
  const nameOf = (path: string) => ownName(walDirectory, locate(walDirectory, join(directory, path)));
  assert.equal(nameOf('wal/00000002.history'), '00000002.history');
  assert.equal(nameOf('data/pg_wal/00000002.history'), '00000002.history');
  assert.equal(nameOf('elsewhere/00000002.history'), undefined);
  assert.equal(nameOf('missing/00000002.history'), undefined);
});
