import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import type { RestoredNote } from '../../../src/repository/format/notes/restored.ts';
import { restoresInProgress, type JudgedRestored } from '../../../src/repository/restores-in-progress.ts';
import { day } from '../../support/cleanup-state.ts';

function said(at: number, more: Partial<RestoredNote> = {}, isProven = true): JudgedRestored {
  const note: RestoredNote = {
    backupId: 'B',
    restoreId: 'r1',
    stage: 'unpacking',
    firstSegment: '000000010000000000000003',
    target: 'the end of the archive',
    host: 'db2',
    user: 'postgres',
    directory: '/srv/restored',
    startTime: day(0),
    doneBytes: 0,
    totalBytes: 100,
    until: day(at + 1),
    notedAt: day(at),
    ...more,
  };
  return { note, isProven };
}

/** The backups held at a day. */
function heldAt(now: number, ...notes: JudgedRestored[]): string[] {
  return restoresInProgress(notes, day(now)).map(({ backupId }) => backupId);
}

describe('a restore', () => {
  it('holds its backup as long as its newest note says', () => {
    const notes = [said(0), said(0.9, { doneBytes: 50 })];
    assert.deepEqual(heldAt(1.5, ...notes), ['B']);
    assert.deepEqual(heldAt(2, ...notes), []);
    const [restore] = restoresInProgress(notes, day(1.5));
    assert.deepEqual([restore?.doneBytes, restore?.heldUntil], [50, day(1.9)]);
  });

  it('that has ended holds nothing, and another one of the same backup still does', () => {
    const ended = said(0.1, { stage: 'ended', until: day(0.1) });
    assert.deepEqual(heldAt(0.2, said(0), ended), []);
    assert.deepEqual(heldAt(0.2, said(0), ended, said(0.1, { restoreId: 'r2' })), ['B']);
  });

  it('holds nothing beyond a fortnight by one note, whatever the note says', () => {
    const greedy = said(0, { until: day(5000) });
    assert.deepEqual(heldAt(13.9, greedy), ['B']);
    assert.deepEqual(heldAt(14, greedy), []);
  });
});

describe('a claim that is not believed', () => {
  const planted = (at: number, more: Partial<RestoredNote> = {}) =>
    said(at, { until: day(5000), restoreId: `p${at}`, ...more }, false);

  it('holds for two days from the first one about the backup, and cannot be renewed', () => {
    assert.deepEqual(heldAt(1.9, planted(0)), ['B']);
    assert.deepEqual(heldAt(2.1, planted(0), planted(1), planted(2)), []);
    assert.deepEqual(heldAt(2.1, planted(0), planted(2, { backupId: 'C' })), ['C']);
  });

  it('does not end one that is believed', () => {
    assert.deepEqual(heldAt(0.5, said(0), planted(0.4, { restoreId: 'r1', stage: 'ended' })), ['B']);
  });
});
