/** What a standby that waits at the end of the archive costs in requests (docs/scale.md). */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { fetch } from '../../../../src/operations/fetch/fetch.ts';
import { formatHex8 } from '../../../../src/postgres/wal/file-name.ts';
import { formatLsn } from '../../../../src/postgres/wal/lsn.ts';
import { highWaterNote } from '../../../../src/repository/format/notes/high-water.ts';
import { walSubject, writeNote } from '../../../../src/repository/format/notes/note.ts';
import { silentLog } from '../../../support/logs.ts';
import { largeGeometry, walOf } from '../../../support/simulated/archive.ts';
import { SimulatedBucket } from '../../../support/simulated/bucket.ts';
import { createSimulatedStore } from '../../../support/simulated/store.ts';
import { archiveFile, makeRepository, signal, system } from '../../../support/site/archive.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const segmentsOfTimeline = 1000;

/** An archive whose newest timeline is `newest`; a cleanup ran many times, and the positions were noted. */
async function archiveUpTo(newest: number) {
  const runs = Array.from({ length: newest }, (_, index) => ({
    timeline: index + 1,
    first: 1 + index * segmentsOfTimeline,
    count: segmentsOfTimeline,
  }));
  const simulated = createSimulatedStore(new SimulatedBucket([walOf(system, runs)]));
  const repository = await makeRepository({ store: simulated.store });
  const lines: string[] = [];
  for (let timeline = 2; timeline <= newest; timeline++) {
    const switchpoint = largeGeometry.startLsn(BigInt((timeline - 1) * segmentsOfTimeline + 1));
    lines.push(`${timeline - 1}\t${formatLsn(switchpoint)}\tno recovery target specified\n`);
    await archiveFile(repository, `${formatHex8(timeline)}.history`, lines.join(''));
  }
  const last = BigInt(newest * segmentsOfTimeline);
  for (let segment = last - 640n; segment <= last; segment += 64n)
    await writeNote(repository, system, highWaterNote({ timeline: newest, segment }, largeGeometry), signal);
  for (let time = 0; time < 20; time++)
    await writeNote(
      repository,
      system,
      {
        subject: walSubject(newest),
        kind: 'wal-removed',
        body: { first: largeGeometry.nameOf(newest, 1n), last: largeGeometry.nameOf(newest, 2n) },
      },
      signal,
    );
  const walDirectory = join(temporaryDirectory('polls', { keepOwner: true }), 'pg_wal');
  mkdirSync(walDirectory);
  const ask = async (name: string) => {
    simulated.reset();
    const { outcome } = await fetch({
      name,
      destination: join(walDirectory, 'RECOVERYXLOG'),
      system,
      geometry: largeGeometry,
      mode: 'standby',
      reached: [{ timeline: newest, lsn: largeGeometry.startLsn(last) }],
      timeline: undefined,
      isTargetSet: false,
      repositories: [repository],
      headerCheck: true,
      timeoutMs: 60_000,
      standbyTimeoutMs: 60_000,
      log: silentLog,
      signal,
    });
    assert.equal(outcome, 'absent');
    return { ...simulated.requests };
  };
  return {
    nextSegment: () => ask(largeGeometry.nameOf(newest, last + 1n)),
    nextHistory: () => ask(`${formatHex8(newest + 1)}.history`),
    segmentOfFirstTimeline: () => ask(largeGeometry.nameOf(1, BigInt(segmentsOfTimeline + 1))),
  };
}

describe.each([1, 40])('a poll of a standby on timeline %d', newest => {
  it('costs 7 requests for the next segment, and 6 for the next history', async () => {
    const archive = await archiveUpTo(newest);
    assert.deepEqual(await archive.nextSegment(), { put: 0, get: 2, head: 0, list: 5, delete: 0 });
    assert.deepEqual(await archive.nextHistory(), { put: 0, get: 2, head: 0, list: 4, delete: 0 });
  });
});

it('a standby that stays on the first of 40 timelines reads only some of the later histories', async () => {
  const archive = await archiveUpTo(40);
  assert.deepEqual(await archive.segmentOfFirstTimeline(), { put: 0, get: 2, head: 4, list: 5, delete: 0 });
});
