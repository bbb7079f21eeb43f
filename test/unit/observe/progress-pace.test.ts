import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import type { ProgressEvent } from '../../../src/observe/events/run.ts';
import { ProgressMeter } from '../../../src/observe/progress-meter.ts';
import { Pace } from '../../../src/observe/progress-pace.ts';

describe('the pace of some work', () => {
  test('is unknown at first, then what was done over the last half minute', () => {
    const pace = new Pace();
    pace.note(0, 1000);
    pace.note(50, 2000);
    assert.equal(pace.perSecond, undefined);
    assert.equal(pace.remainingMs(1000), undefined);
    pace.note(100, 3000);
    assert.equal(pace.perSecond, 50);
    assert.equal(pace.remainingMs(1000), 18_000);
    // A minute at a tenth of the speed: the quick beginning is forgotten.
    for (let second = 1; second <= 60; second++) pace.note(100 + 5 * second, 3000 + second * 1000);
    assert.equal(pace.perSecond, 5);
    assert.equal(pace.remainingMs(400), 0);
  });

  test('counts a time in which nothing was done', () => {
    const pace = new Pace();
    for (let second = 0; second <= 10; second++) pace.note(100 * second, second * 1000);
    pace.note(1000, 110_000);
    assert.equal(pace.perSecond, 0);
    assert.equal(pace.remainingMs(2000), undefined);
    pace.note(1100, 112_000);
    assert.ok((pace.perSecond ?? Infinity) <= 50, `${pace.perSecond}`);
  });

  test('begins anew when less is done than before', () => {
    const pace = new Pace();
    for (let second = 0; second <= 10; second++) pace.note(100 * second, second * 1000);
    pace.note(10, 11_000);
    assert.equal(pace.perSecond, undefined);
    pace.note(30, 13_000);
    assert.equal(pace.perSecond, 10);
  });
});

test('each stage is measured by itself, by bytes or else by objects', () => {
  let timeMs = 0;
  const meter = new ProgressMeter(() => timeMs);
  const after = (ms: number, event: Omit<ProgressEvent, 'kind'>) => {
    timeMs += ms;
    return meter.measure({ kind: 'progress', ...event });
  };
  after(0, { stage: 'reading WAL', doneBytes: 0, totalBytes: 4000 });
  const read = after(2000, { stage: 'reading WAL', doneBytes: 2000, totalBytes: 4000 });
  assert.deepEqual([read.bytesPerSecond, read.objectsPerSecond, read.remainingMs], [1000, undefined, 2000]);
  assert.equal(after(0, { stage: 'cleanup', doneObjects: 0, totalObjects: 10 }).remainingMs, undefined);
  const removed = after(4000, { stage: 'cleanup', doneObjects: 8, totalObjects: 10 });
  assert.deepEqual(
    [removed.bytesPerSecond, removed.objectsPerSecond, removed.remainingMs],
    [undefined, 2, 1000],
  );
  assert.equal(after(1000, { stage: 'cleanup', doneObjects: 9 }).remainingMs, undefined);
});
