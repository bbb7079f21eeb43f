/** SIGKILL at random moments. `npm run soak` does the same for longer, and prints figures. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { describe, it, test } from 'vitest';
import { createSite } from '../support/site/site.ts';
import { isExcused } from '../support/torture/file-systems.ts';
import { killBackups } from '../support/torture/kill-backup.ts';
import { killCleanups } from '../support/torture/kill-cleanup.ts';
import { killDeltaAtRenames, killDeltaRestores } from '../support/torture/kill-delta.ts';
import { killPushes } from '../support/torture/kill-push.ts';
import { killRestores, killRestoresAtLastFsyncs } from '../support/torture/kill-restore.ts';

/** A push is a fraction of the others' time. */
const pushRounds = 8;
const rounds = 4;

describe('killed at random moments', () => {
  it('push never leaves a torn segment, and the next push archives it', async () => {
    const { killed } = await killPushes(await createSite(), pushRounds, { segmentSizeMiB: 1 });
    assert.ok(killed > 0, 'every push was faster than its signal');
  });

  it('backup never leaves a backup that is not complete, and the next one succeeds', async () => {
    const { killed } = await killBackups(await createSite(), rounds);
    assert.ok(killed > 0, 'every backup was faster than its signal');
  });

  it('restore never leaves a directory that PostgreSQL starts from, and the next one succeeds', async () => {
    const { killed } = await killRestores(await createSite(), rounds);
    assert.ok(killed > 0, 'every restore was faster than its signal');
  });
});

test('a delta restore leaves nothing that starts wherever it is killed, and the next one completes it', async () => {
  const { killed } = await killDeltaRestores(await createSite(), rounds);
  assert.ok(killed > 0, 'every restore was faster than its signal');
});

test('a delta restore removes pg_control before it moves anything', async () => {
  if (isExcused()) return;
  const { at, after } = await killDeltaAtRenames(await createSite());
  assert.ok(at === 1 && after > 0, `${at} at the rename of pg_wal, ${after} after it`);
});

test('cleanup leaves whole backups and no damage wherever it is killed, and the next one finishes', async () => {
  const { killed } = await killCleanups(6, randomInt(2 ** 16));
  assert.ok(killed > 0, 'every cleanup was faster than its signal');
});

test('restore names pg_control last: killed at any of its last fsyncs it leaves nothing that starts', async () => {
  if (isExcused()) return;
  await killRestoresAtLastFsyncs(await createSite(), 3);
});
