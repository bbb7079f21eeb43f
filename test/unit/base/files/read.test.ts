import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { localIoError } from '../../../../src/base/errors/errors.ts';
import {
  readInChunks,
  readOpened,
  readText,
  readWhole,
  readWholeNow,
} from '../../../../src/base/files/read.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { requireRoot } from '../../../support/site/unprivileged.ts';

const limitBytes = 200_000;
const readers = {
  readWhole,
  readText: async (path: string, limit: number) => Buffer.from(await readText(path, limit)),
  readWholeNow: async (path: string, limit: number) => readWholeNow(path, limit),
  async readOpened(path: string, limit: number) {
    await using handle = await open(path, 'r');
    return await readOpened(handle, limit);
  },
  async readInChunks(path: string, limit: number) {
    const signal = AbortSignal.timeout(60_000);
    return Buffer.concat(
      await Array.fromAsync(readInChunks(path, limit, signal), chunk => Buffer.from(chunk)),
    );
  },
};

for (const [name, read] of Object.entries(readers))
  describe(name, () => {
    const path = join(temporaryDirectory('read', { keepOwner: true }), 'file');

    it('gives the whole file, up to the limit', async () => {
      for (const sizeBytes of [0, 1, 65_536, limitBytes]) {
        writeFileSync(path, Buffer.alloc(sizeBytes, 'a'));
        assert.deepEqual(await read(path, limitBytes), Buffer.alloc(sizeBytes, 'a'));
      }
    });

    it('ends at the first byte beyond the limit, also where nobody knows the size', async () => {
      writeFileSync(path, Buffer.alloc(limitBytes + 1, 'a'));
      for (const endless of [path, '/dev/zero']) {
        await assert.rejects(read(endless, limitBytes), { code: 'EFBIG' });
        await assert.rejects(
          read(endless, limitBytes).catch((error: unknown) => {
            throw localIoError('read', endless, error);
          }),
          { code: 'local-io', message: `read ${endless}: file too large` },
        );
      }
    });
  });

describe('a named pipe', () => {
  const pipeIn = (directory: string): string => {
    const path = join(directory, 'pipe');
    execFileSync('mkfifo', [path]);
    return path;
  };

  it('is not waited for where somebody else may have put it there', async () => {
    requireRoot('only root can read what belongs to another');
    const path = pipeIn(temporaryDirectory('read'));
    await assert.rejects(readWhole(path, limitBytes), { code: 'ENXIO' });
    assert.throws(() => readWholeNow(path, limitBytes), { code: 'ENXIO' });
  });

  it('is read to its end where only this account can have made it', async () => {
    const path = pipeIn(temporaryDirectory('read', { keepOwner: true }));
    for (const read of [readers.readWhole, readers.readWholeNow]) {
      const writer = spawn('sh', ['-c', 'sleep 0.2; printf piped > "$0"', path]);
      const ended = new Promise(done => writer.once('exit', done));
      assert.equal((await read(path, limitBytes)).toString(), 'piped');
      await ended;
    }
  });
});
