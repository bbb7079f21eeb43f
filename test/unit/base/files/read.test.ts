import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { localIoError } from '../../../../src/base/errors/errors.ts';
import { readOpened, readText, readWhole, readWholeNow } from '../../../../src/base/files/read.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const limitBytes = 200_000;
const readers = {
  readWhole,
  readText: async (path: string, limit: number) => Buffer.from(await readText(path, limit)),
  readWholeNow: async (path: string, limit: number) => readWholeNow(path, limit),
  async readOpened(path: string, limit: number) {
    await using handle = await open(path, 'r');
    return await readOpened(handle, limit);
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
