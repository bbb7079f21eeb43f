import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'vitest';
import { WalvaultError } from '../../../../../src/base/errors/errors.ts';
import {
  moveWalAside,
  refuseFilled,
  stateOfWal,
} from '../../../../../src/operations/restore/delta/wal-aside.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';

const now = new Date('2026-11-22T10:00:00.123Z');
const newDirectory = () => temporaryDirectory('wal', { keepOwner: true });

describe('the WAL of a directory that is restored again', () => {
  it('is moved aside, each time to a name of its own', async () => {
    const directory = newDirectory();
    for (const text of ['first', 'second']) {
      mkdirSync(join(directory, 'pg_wal', 'archive_status'), { recursive: true });
      writeFileSync(join(directory, 'pg_wal', text), text);
      assert.equal(await stateOfWal(directory), 'wal');
      const aside = await moveWalAside(directory, now);
      assert.deepEqual(readdirSync(aside ?? ''), ['archive_status', text]);
    }
    assert.deepEqual(readdirSync(directory), [
      'pg_wal.before-restore-20261122T100000Z',
      'pg_wal.before-restore-20261122T100000Z-2',
    ]);
  });

  it('stays where it is if only directories are in it, as a restore makes them', async () => {
    const directory = newDirectory();
    assert.equal(await moveWalAside(directory, now), undefined);
    mkdirSync(join(directory, 'pg_wal', 'archive_status'), { recursive: true });
    assert.equal(await stateOfWal(directory), 'empty');
    assert.equal(await moveWalAside(directory, now), undefined);
    assert.deepEqual(readdirSync(directory), ['pg_wal']);
    // A lone status counts: it is all that tells that a segment was waiting.
    writeFileSync(join(directory, 'pg_wal', 'archive_status', '000000010000000000000001.ready'), '');
    assert.equal(await stateOfWal(directory), 'wal');
  });

  it('stays behind a link, which is moved itself', async () => {
    const [directory, disk] = [newDirectory(), newDirectory()];
    symlinkSync(disk, join(directory, 'pg_wal'));
    writeFileSync(join(disk, 'segment'), '');
    const aside = await moveWalAside(directory, now);
    assert.equal(readlinkSync(aside ?? ''), disk);
    assert.deepEqual(readdirSync(disk), ['segment']);
  });

  it('loses a link to nothing but directories, and keeps one that leads nowhere', async () => {
    const [directory, disk] = [newDirectory(), newDirectory()];
    symlinkSync(disk, join(directory, 'pg_wal'));
    assert.equal(await moveWalAside(directory, now), undefined);
    assert.equal(lstatSync(join(directory, 'pg_wal'), { throwIfNoEntry: false }), undefined);
    symlinkSync(join(disk, 'not mounted'), join(directory, 'pg_wal'));
    assert.match(basename((await moveWalAside(directory, now)) ?? ''), /^pg_wal\.before-restore-/);
  });

  it('refuses a new place with a file in it', async () => {
    const directory = newDirectory();
    await refuseFilled(join(directory, 'new'));
    mkdirSync(join(directory, 'archive_status'));
    await refuseFilled(directory);
    writeFileSync(join(directory, 'archive_status', 'file'), '');
    await assert.rejects(
      refuseFilled(directory),
      (error: unknown) => error instanceof WalvaultError && error.code === 'destination',
    );
    assert.ok(existsSync(join(directory, 'archive_status', 'file')));
  });
});
