import assert from 'node:assert/strict';
import { test } from 'vitest';
import { wordsInto } from '../../../../support/logs.ts';
import type { Words } from '../../../../../src/observe/words/table.ts';
import { lossesSinceBackup, whyLost } from '../../../../../src/operations/backup/wal/lost-wal.ts';
import { waitForWal } from '../../../../../src/operations/backup/wal/wait-for-wal.ts';
import { recordLoss } from '../../../../../src/repository/wal/loss-records.ts';
import {
  archiveSegment,
  makeRepository,
  geometry,
  signal,
  system,
} from '../../../../support/site/archive.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';

const nameOf = (number: bigint) => geometry.nameOf(1, number);

async function hostThatLost(number: bigint) {
  const dataDirectory = temporaryDirectory('data', { keepOwner: true });
  await recordLoss(dataDirectory, {
    systemId: system.systemId,
    segment: nameOf(number),
    segmentSizeBytes: geometry.segmentSizeBytes,
    time: new Date(),
    host: 'db1',
    backlogBytes: 9,
    limitBytes: 8,
    reason: 'no answer',
  });
  const events: Words[] = [];
  const log = wordsInto(events);
  return { events, context: { system, dataDirectory, geometry, log, signal } };
}

test('the archive is told what this host gave up, and each gap without a backup beyond it is warned about', async () => {
  const { events, context } = await hostThatLost(5n);
  const repository = await makeRepository();
  const [lost, ...others] = await lossesSinceBackup([repository], { ...context, all: [repository] });
  assert.deepEqual([lost?.firstSegment, lost?.segmentCount, others.length], [nameOf(5n), 1, 0]);
  assert.ok(events.some(({ message }) => message.includes(`WAL is lost since its beginning: ${nameOf(5n)}`)));
  await archiveSegment(repository, 1, 5n);
  assert.deepEqual(await lossesSinceBackup([repository], { ...context, all: [repository] }), []);
});

test('a backup does not wait for a segment that was given up', async () => {
  const { context } = await hostThatLost(5n);
  const repository = await makeRepository();
  await archiveSegment(repository, 1, 4n);
  const range = {
    timeline: 1,
    startLsn: geometry.startLsn(4n),
    endLsn: geometry.startLsn(6n),
  };
  const waiting = waitForWal(repository, {
    ...context,
    walRanges: [range],
    timeoutMs: 60_000,
    endedBy: 'server',
    describeArchiver: () => Promise.resolve(undefined),
    whyLost: name => whyLost(repository, name, context),
  });
  await assert.rejects(
    waiting,
    /00000005, which makes the backup consistent, was given up at .* by db1.*not committed/,
  );
});
