/** A backup waits until all the WAL that makes it consistent is archived (P4). */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'vitest';
import { waitForWal } from '../../../../../src/operations/backup/wal/wait-for-wal.ts';
import type { Repository } from '../../../../../src/repository/repository.ts';
import { silentLog } from '../../../../support/logs.ts';
import {
  archiveFile,
  archiveSegment,
  geometry,
  makeRepository,
  signal,
  system,
} from '../../../../support/site/archive.ts';

/** From segment 3 of timeline 1, which timeline 2 leaves in segment 5, to segment 6. */
const walRanges = [
  { timeline: 1, startLsn: geometry.startLsn(3n) + 40n, endLsn: geometry.startLsn(5n) + 40n },
  { timeline: 2, startLsn: geometry.startLsn(5n) + 40n, endLsn: geometry.startLsn(6n) + 40n },
];
const needed = [[1, 3n], [1, 4n], [2, 5n], [2, 6n]] as const; // prettier-ignore
const history = '00000002.history';
let repository: Repository;

beforeEach(async () => {
  repository = await makeRepository();
});

async function archiveAllBut(missing?: string): Promise<void> {
  if (missing !== history) await archiveFile(repository, history, '1\t0/500028\tfailover\n');
  for (const [timeline, segment] of needed)
    if (missing !== geometry.nameOf(timeline, segment)) await archiveSegment(repository, timeline, segment);
}

function wait(whyLost?: string): Promise<void> {
  return waitForWal(repository, {
    system,
    walRanges,
    geometry,
    timeoutMs: 1,
    endedBy: 'primary',
    describeArchiver: async () => undefined,
    whyLost: async () => whyLost,
    log: silentLog,
    signal,
  });
}

describe('the wait for the WAL of a backup', () => {
  it('ends when all of it is archived', async () => {
    await archiveAllBut();
    await wait();
  });

  for (const name of [history, ...needed.map(([timeline, segment]) => geometry.nameOf(timeline, segment))])
    it(`does not end without ${name}`, async () => {
      await archiveAllBut(name);
      await assert.rejects(wait(), {
        code: 'wal-missing',
        message: new RegExp(`: ${name} did not arrive within 1 ms, so the backup was not committed`),
      });
    });

  it('is given up for what will never arrive', async () => {
    await archiveAllBut(geometry.nameOf(2, 6n));
    await assert.rejects(wait('given up by db1'), {
      code: 'wal-missing',
      message: /0+200+6, which makes the backup consistent, was given up by db1/,
    });
  });
});
