import assert from 'node:assert/strict';
import { statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { requireSpace, requireSpaceTogether } from '../../../../src/operations/restore/destination.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const here = temporaryDirectory('space', { keepOwner: true });
const one = join(here, 'not/yet/there');
const other = join(here, 'tablespace');

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

const tooSmall = { code: 'destination', message: /the backup and its WAL need .* free/ };

test('what goes to directories of one file system is added up', async () => {
  const half = Math.ceil(freeBytes(here) * 0.75);
  await requireSpace([{ directory: one, sizeBytes: half }]);
  await assert.rejects(
    requireSpace([
      { directory: one, sizeBytes: half },
      { directory: other, sizeBytes: half },
    ]),
    tooSmall,
  );
});

test('file systems that are too small together are refused before it is known what goes where', async () => {
  const elsewhere = '/dev/shm';
  assert.notEqual(statSync(here).dev, statSync(elsewhere).dev);
  const together = freeBytes(here) + freeBytes(elsewhere);
  const needs = (sizeBytes: number) => [
    { directory: one, sizeBytes },
    { directory: elsewhere, sizeBytes: 0 },
  ];
  await requireSpaceTogether(needs(Math.floor(together * 0.9)));
  await assert.rejects(requireSpaceTogether(needs(together * 1.1)), tooSmall);
});
