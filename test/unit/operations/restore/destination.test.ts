import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, test } from 'vitest';
import {
  fsyncTree,
  prepareDirectory,
  refuseOccupied,
  removeWritten,
  requireSpace,
  requireSpaceTogether,
} from '../../../../src/operations/restore/destination.ts';
import { recordSteps, stopRecording } from '../../../support/faults/recorded-steps.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { requireRoot } from '../../../support/site/unprivileged.ts';
import { withoutPrivileges } from '../../../support/site/without-privileges.ts';

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

const scratch = () => temporaryDirectory('destination', { keepOwner: true });

test('a directory may be missing or empty, and nothing else', async () => {
  const root = scratch();
  await refuseOccupied(root);
  await refuseOccupied(join(root, 'missing'));
  const refused = (path: string, message: RegExp) =>
    assert.rejects(refuseOccupied(path), { code: 'destination', message });
  writeFileSync(join(root, 'file'), '');
  await refused(join(root, 'file'), /file is not a directory/);
  await refused(root, /is not empty \(file is in it\)/);
  writeFileSync(join(root, 'postmaster.pid'), '');
  await refused(root, /a data directory with a postmaster\.pid/);
  await assert.rejects(prepareDirectory(root, 0o700), { code: 'destination' });
});

describe('a prepared directory', () => {
  afterEach(stopRecording);

  test('is made with its parents, its owner’s alone, and their names are durable', async () => {
    const root = scratch();
    const { steps } = recordSteps(root);
    const path = join(root, 'a/b/data');
    assert.deepEqual(await prepareDirectory(path, 0o750), { path, created: join(root, 'a') });
    assert.deepEqual(
      [path, join(root, 'a')].map(made => statSync(made).mode & 0o777),
      [0o750, 0o700],
    );
    assert.deepEqual(steps, ['sync a/b', 'sync a', 'sync .']);
  });

  test('is emptied when the restore has failed, and gone if it was made for it', async () => {
    const root = scratch();
    const mine = join(root, 'mine');
    mkdirSync(mine);
    const prepared = [await prepareDirectory(mine, 0o700), await prepareDirectory(join(root, 'a/b'), 0o700)];
    for (const { path } of prepared) {
      mkdirSync(join(path, 'base'));
      writeFileSync(join(path, 'base/1'), '');
    }
    await removeWritten(prepared);
    assert.deepEqual(readdirSync(mine), []);
    assert.equal(existsSync(join(root, 'a')), false);
  });

  test('of another user is refused', async () => {
    requireRoot('a directory belongs to another user');
    const root = scratch();
    chmodSync(root, 0o777);
    await withoutPrivileges(async () => {
      await assert.rejects(prepareDirectory(root, 0o700), {
        code: 'destination',
        message: /belongs to another user/,
      });
    });
  });

  test('is durable with all directories in it, the root last', async () => {
    const root = scratch();
    mkdirSync(join(root, 'base/1'), { recursive: true });
    writeFileSync(join(root, 'base/file'), '');
    const { steps } = recordSteps(root);
    await fsyncTree(root);
    assert.deepEqual(steps, ['sync base/1', 'sync base', 'sync .']);
  });
});
