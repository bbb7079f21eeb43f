import assert from 'node:assert/strict';
import { it } from 'vitest';
import { sleep } from '../../../../src/base/time/wait.ts';
import { checkSplitBrain } from '../../../../src/operations/check/check-split-brain.ts';
import { Checklist } from '../../../../src/operations/check/checklist.ts';
import {
  archiveFile,
  archiveSegment,
  makeRepository,
  signal,
  system,
} from '../../../support/site/archive.ts';

it('a primary that archives on after a standby took over is warned of, and an ordinary failover is not', async () => {
  const repository = await makeRepository();
  const look = async () => {
    const list = new Checklist(() => undefined);
    await checkSplitBrain(list, repository, { cluster: system.cluster, signal });
    return list.lines;
  };
  await archiveSegment(repository, 1, 5n);
  assert.deepEqual(await look(), []);
  await archiveFile(repository, '00000002.history', '1\t0/580000\tno recovery target specified\n');
  await archiveSegment(repository, 2, 5n);
  assert.deepEqual(await look(), []);
  // The times of the store tell them apart.
  await sleep(5);
  await archiveSegment(repository, 1, 6n);
  const [line, ...others] = await look();
  assert.deepEqual([line?.status, line?.link, others], ['warn', 'repository main', []]);
  assert.match(line?.message ?? '', /^timeline 1 was archived on after timeline 2 left it: a split brain/);
  assert.match(line?.hint ?? '', /--target-timeline 1 or 2/);
});
