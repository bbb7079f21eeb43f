/** Power cuts, on a loop-mounted file system of which a copy is taken while it is in use. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { isExcused, requireMounts } from '../support/torture/file-systems.ts';
import { cutPower } from '../support/torture/power-cut.ts';

test('what push has answered 0 for survives a power cut, also after a push that died before its fsync', async () => {
  if (isExcused()) return;
  requireMounts();
  const { killedAtFsync, namedAndLost } = await cutPower('ext2', 1);
  assert.ok(killedAtFsync >= 4, `only ${killedAtFsync} fsyncs were seen`);
  assert.ok(namedAndLost >= 1, 'no push died between the name and its fsync: the test has shown nothing');
});
