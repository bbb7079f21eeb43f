import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import type { KnownBackup } from '../../../../../src/operations/cleanup/state.ts';
import { keepByCalendar, type CalendarRule } from '../../../../../src/operations/cleanup/rules/calendar.ts';
import { periodsOf, type PeriodKind } from '../../../../../src/operations/cleanup/rules/periods.ts';
import type { TimelineTree } from '../../../../../src/repository/wal/timelines.ts';
import { backup, inSegment } from '../../../../support/cleanup-state.ts';

const hourMs = 3_600_000;

/** One backup at each of these times, which lasts no time, in segments one after the other. */
function at(times: readonly string[], more: (index: number) => Partial<KnownBackup['record']> = () => ({})) {
  return times.map((time, index) =>
    backup({
      id: time,
      at: 0,
      segments: [index * 10 + 10, index * 10 + 11],
      record: { startTime: new Date(time), stopTime: new Date(time), ...more(index) },
      known: { committedAt: new Date(time) },
    }),
  );
}

function keptBy(
  backups: readonly KnownBackup[],
  rule: Partial<CalendarRule> & { kind: PeriodKind },
  tree: TimelineTree = new Map(),
): string[] {
  return keepByCalendar(backups, tree, { count: 99, timeZone: 'UTC', ...rule }).map(
    ({ backup: { record } }) => record.id,
  );
}

describe('a calendar rule', () => {
  const march = [
    '2026-03-30T02:00:00Z',
    '2026-03-31T02:00:00Z',
    '2026-03-31T14:00:00Z',
    '2026-04-01T02:00:00Z',
  ];

  it('keeps the first backup of each of the newest periods', () => {
    assert.deepEqual(keptBy(at(march), { kind: 'day', count: 2 }), [
      '2026-04-01T02:00:00Z',
      '2026-03-31T02:00:00Z',
    ]);
    assert.deepEqual(keptBy(at(march), { kind: 'month', count: 2 }), [
      '2026-04-01T02:00:00Z',
      '2026-03-30T02:00:00Z',
    ]);
    assert.deepEqual(keptBy(at(march), { kind: 'year' }), ['2026-03-30T02:00:00Z']);
  });

  it('counts only periods that have a backup', () => {
    const idle = ['2025-01-05T02:00:00Z', '2025-03-05T02:00:00Z', '2026-03-05T02:00:00Z'];
    assert.equal(keptBy(at(idle), { kind: 'month', count: 3 }).length, 3);
  });

  it('goes by the calendar of its zone', () => {
    // In Berlin the second one is of April already.
    const turn = ['2026-03-31T21:30:00Z', '2026-03-31T22:30:00Z'];
    assert.equal(keptBy(at(turn), { kind: 'month' }).length, 1);
    assert.equal(keptBy(at(turn), { kind: 'month', timeZone: 'Europe/Berlin' }).length, 2);
    assert.equal(keptBy(at(turn), { kind: 'year', timeZone: 'Europe/Berlin' }).length, 1);
  });

  it('begins a week on Monday', () => {
    const week = [
      '2026-11-29T23:00:00Z',
      '2026-11-30T00:00:00Z',
      '2026-12-06T23:59:59Z',
      '2026-12-07T00:00:00Z',
    ];
    assert.deepEqual(keptBy(at(week), { kind: 'week' }), [week[3], week[1], week[0]]);
  });

  it('goes by the start: one that lasts past midnight is of the day before', () => {
    const late = backup({
      id: 'late',
      at: 0,
      segments: [10, 11],
      record: { startTime: new Date('2026-03-30T23:30:00Z'), stopTime: new Date('2026-03-31T00:30:00Z') },
    });
    const next = at(['2026-03-31T23:30:00Z']);
    assert.equal(keptBy([late, ...next], { kind: 'day' }).length, 2);
    const unsigned: KnownBackup = { ...late, verdict: { status: 'unsigned' } };
    assert.equal(keptBy([unsigned, ...next], { kind: 'day' }).length, 1);
  });

  it('prefers a backup without damaged pages, and a scheduled one', () => {
    const damaged = at(march.slice(1, 3), index => ({ damagedPages: index === 0 ? 3 : 0 }));
    assert.deepEqual(keptBy(damaged, { kind: 'day' }), ['2026-03-31T14:00:00Z']);
    const manual = at(march.slice(1, 3), index =>
      index === 0 ? { keepUntil: new Date('2026-04-02T00:00:00Z') } : {},
    );
    assert.deepEqual(keptBy(manual, { kind: 'day' }), ['2026-03-31T14:00:00Z']);
  });

  it('lets a restored copy stand for itself alone', () => {
    const tree = new Map([[2, { parent: 1, switchpoint: inSegment(5) }]]);
    const copy = backup({
      id: 'copy',
      at: 0,
      segments: [30, 31],
      timeline: 2,
      record: { startTime: new Date('2026-03-31T01:00:00Z'), stopTime: new Date('2026-03-31T01:00:00Z') },
    });
    assert.deepEqual(keptBy([copy, ...at(march.slice(1, 3))], { kind: 'day' }, tree), [
      'copy',
      '2026-03-31T02:00:00Z',
    ]);
  });
});

describe('the periods of a zone whose clocks change', () => {
  const count = (kind: PeriodKind, from: string, hours: number, timeZone = 'Europe/Berlin') => {
    const periodOf = periodsOf(kind, timeZone);
    const all = Array.from(
      { length: hours * 4 },
      (_, index) => periodOf(Date.parse(from) + (index * hourMs) / 4).order,
    );
    assert.deepEqual(
      all,
      all.toSorted((a, b) => a - b),
    );
    return new Set(all).size;
  };

  it('a day has 23 hours in March and 25 in October', () => {
    // From midnight to midnight by the clocks of Berlin.
    assert.equal(count('day', '2026-03-28T23:00:00Z', 23), 1);
    assert.equal(count('day', '2026-03-28T23:00:00Z', 24), 2);
    assert.equal(count('hour', '2026-03-28T23:00:00Z', 23), 23);
    assert.equal(count('day', '2026-10-24T22:00:00Z', 25), 1);
    assert.equal(count('day', '2026-10-24T22:00:00Z', 26), 2);
    assert.equal(count('hour', '2026-10-24T22:00:00Z', 25), 25);
  });

  it('an hour that is shown twice is two, in a zone of half hours too', () => {
    assert.equal(count('hour', '2026-10-25T00:00:00Z', 2), 2);
    assert.equal(count('hour', '2026-06-01T00:30:00Z', 5, 'Asia/Kolkata'), 5);
  });

  it('names them for people', () => {
    const named = (kind: PeriodKind) =>
      periodsOf(kind, 'Europe/Berlin')(Date.parse('2026-11-30T23:30:00Z')).name;
    assert.deepEqual((['hour', 'day', 'week', 'month', 'year'] as const).map(named), [
      '2026-12-01 00:00',
      '2026-12-01',
      'of 2026-11-30',
      '2026-12',
      '2026',
    ]);
  });

  it('a zone that does not exist is refused', () => {
    assert.throws(() => periodsOf('day', 'Mars/Base'), { code: 'usage' });
  });
});
