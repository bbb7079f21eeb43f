import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { fullAt, growthOf, walPaceOf } from '../../../../src/operations/status/growth.ts';
import { WalDayCounts, dayOf, type WalDay } from '../../../../src/repository/wal/wal-days.ts';
import { systemFacts } from '../../../support/status-facts.ts';
import { segmentSizeBytes } from '../../../support/restore-scenario.ts';

const dayMs = 86_400_000;
/** Noon. */
const now = new Date('2026-11-30T12:00:00Z');
const today = dayOf(now);

/** Each day's segments, today's last; a segment takes 1000 bytes in the store. */
function system(segments: readonly number[], firstSeen = new Date(0), backups: readonly number[] = []) {
  const made = systemFacts(undefined, { firstSeen });
  const [some] = made.backups;
  assert.ok(some !== undefined && made.archive !== undefined);
  const days = new Map<number, WalDay>(
    segments.map((count, index) => [
      today - segments.length + 1 + index,
      { segments: count, storedBytes: count * 1000 },
    ]),
  );
  return {
    ...made,
    archive: { ...made.archive, days },
    // A copy brought all of them at once.
    backups: backups.map(daysAgo => {
      const stopTime = new Date(now.getTime() - daysAgo * dayMs);
      return { ...some, committedAt: now, record: { ...some.record, stopTime } };
    }),
  };
}

describe('how an archive grows', () => {
  it('is the average of seven days, by what is still there', () => {
    const growth = growthOf(system([999, 13, 13, 13, 13, 13, 13, 6.5], undefined, [0.1, 1, 2, 30]), now);
    assert.deepEqual(growth, { walBytesPerDay: 13_000, backupBytesPerDay: 462, observedDays: 6.5 });
  });

  it('is that of its own days, where it is younger, or has kept fewer', () => {
    const young = new Date(now.getTime() - dayMs);
    assert.equal(growthOf(system([50, 50], young), now)?.walBytesPerDay, 100_000);
    assert.equal(growthOf(system([10, 5]), now)?.walBytesPerDay, 10_000);
  });

  it('is not known within the first hours', () => {
    const fresh = new Date(now.getTime() - 3_600_000);
    assert.equal(growthOf(system([50], fresh), now), undefined);
    assert.equal(walPaceOf(system([50], fresh), now), undefined);
  });

  it('does not count what the clock of a store puts into the future', () => {
    const made = system([10, 5]);
    const days = new Map([...made.archive.days, [today + 400, { segments: 1e6, storedBytes: 1e12 }]]);
    assert.equal(growthOf({ ...made, archive: { ...made.archive, days } }, now)?.walBytesPerDay, 10_000);
  });
});

it('the pace of the server is that of yesterday and today, in plain bytes', () => {
  assert.equal(walPaceOf(system([1000, 10, 5]), now), 10 * segmentSizeBytes);
});

it('a disk is full when what is free is used up', () => {
  const disk = { sizeBytes: 1000, freeBytes: 300 };
  assert.deepEqual(fullAt(disk, 100, now), new Date(now.getTime() + 3 * dayMs));
  assert.equal(fullAt(disk, 0, now), undefined);
  assert.equal(fullAt(disk, undefined, now), undefined);
  assert.equal(fullAt({ sizeBytes: 1e15, freeBytes: 1e15 }, 1, now), undefined);
});

it('days are counted in bounded memory, whatever times a directory has', () => {
  const counts = new WalDayCounts();
  for (const time of [NaN, -1, 8.64e15, now.getTime(), now.getTime() + 1]) counts.add(new Date(time), 10);
  assert.deepEqual([...counts.days], [[today, { segments: 2, storedBytes: 20 }]]);
});
