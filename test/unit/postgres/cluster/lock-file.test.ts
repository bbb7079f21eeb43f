import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import { lockDataDirectory, parseLockFile, refuseInUse } from '../../../../src/postgres/cluster/lock-file.ts';
import { readPostmasterPid } from '../../../../src/postgres/cluster/postmaster-pid.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

function place(text?: string) {
  const directory = temporaryDirectory('lock', { keepOwner: true });
  const path = join(directory, 'postmaster.pid');
  if (text !== undefined) writeFileSync(path, text);
  return { directory, path };
}

const isRefusal = (error: unknown) =>
  error instanceof WalvaultError && error.code === 'destination' && /may be running/.test(error.message);

describe('the lock on a data directory', () => {
  it('is held until it is given back, and shows agents no server', async () => {
    const { directory, path } = place();
    {
      await using _lock = await lockDataDirectory(directory);
      assert.match(readFileSync(path, 'utf8'), new RegExp(`^-${process.pid}\n`));
      assert.equal(readPostmasterPid(directory), undefined);
    }
    assert.equal(existsSync(path), false);
  });

  it('is not taken from a live process, as which a server writes itself, or a session without one', async () => {
    const child = spawn('sleep', ['60']);
    try {
      for (const sign of ['', '-']) {
        const text = `${sign}${child.pid}\n/srv\n1790000000\n5432\n`;
        const { directory, path } = place(text);
        await assert.rejects(refuseInUse(directory), isRefusal);
        await assert.rejects(lockDataDirectory(directory), isRefusal);
        assert.equal(readFileSync(path, 'utf8'), text);
      }
    } finally {
      child.kill();
    }
  });

  it('is taken from one that has ended, from this process in an earlier life, and where nothing was written yet', async () => {
    const { pid } = spawnSync('true');
    for (const text of [
      `${pid}\n/srv\n1790000000\n5432\n\n\n  1 2\n`,
      `${process.ppid}\n`,
      `${process.pid}\n`,
      '',
    ]) {
      const { directory, path } = place(text);
      await using _lock = await lockDataDirectory(directory);
      assert.match(readFileSync(path, 'utf8'), new RegExp(`^-${process.pid}\n`));
    }
  });

  it('leaves the lock of a server that has started since', async () => {
    const { directory, path } = place();
    {
      await using _lock = await lockDataDirectory(directory);
      writeFileSync(path, '4711\n/srv\n');
    }
    assert.equal(readFileSync(path, 'utf8'), '4711\n/srv\n');
  });

  it('is read with the shared memory that a server had', () => {
    assert.deepEqual(parseLockFile('4711\n/srv/data\n1790000000\n5433\n/run\nlocalhost\n 2345 67\nready\n'), {
      pid: 4711,
      sharedMemory: { key: '2345', id: '67' },
    });
    assert.deepEqual(parseLockFile('-5\n'), { pid: 5, sharedMemory: undefined });
    assert.deepEqual(parseLockFile('0\nx'), { pid: undefined, sharedMemory: undefined });
  });
});
