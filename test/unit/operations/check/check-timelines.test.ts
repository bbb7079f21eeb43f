import assert from 'node:assert/strict';
import { it } from 'vitest';
import { sleep } from '../../../../src/base/time/wait.ts';
import { checkTimelines } from '../../../../src/operations/check/check-timelines.ts';
import { Checklist, type CheckLine } from '../../../../src/operations/check/checklist.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import {
  archiveFile,
  archiveSegment,
  makeRepository,
  signal,
  system,
} from '../../../support/site/archive.ts';

async function look(repository: Repository): Promise<readonly CheckLine[]> {
  const list = new Checklist(() => undefined);
  await checkTimelines(list, repository, { cluster: system.cluster, signal });
  return list.lines;
}

it('a primary that archives on after a standby took over is warned of, and an ordinary failover is not', async () => {
  const repository = await makeRepository();
  await archiveSegment(repository, 1, 5n);
  assert.deepEqual(await look(repository), []);
  await archiveFile(repository, '00000002.history', '1\t0/580000\tno recovery target specified\n');
  await archiveSegment(repository, 2, 5n);
  assert.deepEqual(await look(repository), []);
  // The times of the store tell them apart.
  await sleep(5);
  await archiveSegment(repository, 1, 6n);
  const [line, ...others] = await look(repository);
  assert.deepEqual([line?.status, line?.link, others], ['warn', 'repository main', []]);
  assert.match(line?.message ?? '', /^timeline 1 was archived on after timeline 2 left it: a split brain/);
  assert.match(line?.hint ?? '', /--target-timeline 1 or 2/);
});

it('a history that cannot be read fails where its timeline has WAL, and is a warning where it has none', async () => {
  for (const junk of ['', '\0'.repeat(41), '<html>']) {
    const repository = await makeRepository();
    await archiveSegment(repository, 1, 5n);
    await archiveFile(repository, '00000002.history', junk);
    const [warned, ...more] = await look(repository);
    assert.deepEqual([warned?.status, warned?.link, more], ['warn', 'repository main', []]);
    assert.match(warned?.message ?? '', /^timeline 2 cannot be followed, its history cannot be read: /);
    assert.match(
      warned?.hint ?? '',
      /store rm --force.*good 00000002\.history with `walvault push --missing`/,
    );
    await archiveSegment(repository, 2, 5n);
    const [failed, ...others] = await look(repository);
    assert.deepEqual([failed?.status, others], ['fail', []]);
    assert.equal(failed?.message, warned?.message);
  }
});

it('a timeline with WAL and no history fails, unless the archive begins on it', async () => {
  const repository = await makeRepository();
  await archiveSegment(repository, 5, 9n);
  assert.deepEqual(await look(repository), []);
  await archiveSegment(repository, 1, 5n);
  const [line, ...others] = await look(repository);
  assert.deepEqual([line?.status, others], ['fail', []]);
  assert.match(line?.message ?? '', /^timeline 5 cannot be followed, .*: 00000005\.history is not archived$/);
  assert.match(
    line?.hint ?? '',
    /00000005\.history in pg_wal, archive it there with `walvault push --missing`/,
  );
  await archiveFile(repository, '00000005.history', '1\t0/600000\tno recovery target specified\n');
  assert.deepEqual(await look(repository), []);
});
