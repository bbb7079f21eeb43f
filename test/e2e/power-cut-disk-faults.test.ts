/** Disks that are full or broken, made of small mounted file systems and of system calls that strace lets fail. */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import {
  failFsyncs,
  fillDuringBackup,
  fillDuringFetch,
  fillDuringPush,
  fillDuringRestore,
} from '../support/torture/disk-faults.ts';
import { isExcused, requireMounts } from '../support/torture/file-systems.ts';

describe('a disk that fails', () => {
  it('in any fsync of push: status 15, and the next push succeeds', async () => {
    if (isExcused()) return;
    assert.ok((await failFsyncs()) >= 4);
  });

  for (const [verb, fill] of [
    ['push', fillDuringPush],
    ['fetch', fillDuringFetch],
    ['backup', fillDuringBackup],
    ['restore', fillDuringRestore],
  ] as const)
    it(`for want of space during ${verb}: status 15 and one clear line, nothing half visible`, async () => {
      if (isExcused()) return;
      requireMounts();
      await fill();
    });
});
