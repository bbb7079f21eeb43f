/**
 * The rules `keep-hourly` to `keep-yearly`: the first backup of each of the last so many hours, days, weeks, months or
 * years that have one. Pure.
 *
 * The first and not the last: once a backup stands for its month it does so until the month is forgotten, so it can be
 * copied to a tier where an early deletion is paid for, and nothing that is planted later takes its place.
 */
import type { TimelineTree } from '../../../repository/wal/timelines.ts';
import { comparePositions, consistencyPoint } from '../../../repository/format/backup-record.ts';
import type { KnownBackup } from '../state.ts';
import { reaches } from '../timeline-path.ts';
import type { Mark } from './mark.ts';
import { periodsOf, type Period, type PeriodKind } from './periods.ts';

export interface CalendarRule {
  readonly kind: PeriodKind;
  readonly count: number;
  readonly timeZone: string;
}

export function keepByCalendar(
  backups: readonly KnownBackup[],
  tree: TimelineTree,
  { kind, count, timeZone }: CalendarRule,
): Mark[] {
  const periodOf = periodsOf(kind, timeZone);
  const found = new Map<number, { readonly period: Period; readonly backups: KnownBackup[] }>();
  for (const backup of backups) {
    const period = periodOf(calendarTimeOf(backup));
    const entry = found.get(period.order) ?? { period, backups: [] };
    found.set(period.order, entry);
    entry.backups.push(backup);
  }
  return [...found]
    .toSorted(([a], [b]) => b - a)
    .slice(0, count)
    .flatMap(([, { period, backups }]) =>
      firstOfEachBranch(backups, tree).map(backup => ({
        backup,
        code: codes[kind],
        text: `the first of the ${kind} ${period.name}`,
      })),
    );
}

const codes = {
  hour: 'keep-hourly',
  day: 'keep-daily',
  week: 'keep-weekly',
  month: 'keep-monthly',
  year: 'keep-yearly',
} as const satisfies Record<PeriodKind, string>;

/**
 * The time by which a backup belongs to a period: its start, because that is what a schedule decides. What no trusted
 * signer signed may state any start; its end was compared with the store's clock (repository/trust.ts).
 */
function calendarTimeOf({ record, verdict }: KnownBackup): number {
  const stopMs = record.stopTime.getTime();
  return verdict.status === 'good' ? Math.min(record.startTime.getTime(), stopMs) : stopMs;
}

/**
 * The first backup, and of each other branch its own first: a restored copy's backups do not stand for those of the
 * server. A whole one is better than one with damaged pages, a scheduled one better than one that was taken by hand.
 */
function firstOfEachBranch(backups: readonly KnownBackup[], tree: TimelineTree): KnownBackup[] {
  const chosen: KnownBackup[] = [];
  for (const backup of backups.toSorted(compareWorth))
    if (!chosen.some(one => leadsTo(tree, one, backup) || leadsTo(tree, backup, one))) chosen.push(backup);
  return chosen;
}

function compareWorth(a: KnownBackup, b: KnownBackup): number {
  return (
    Number(a.record.damagedPages > 0) - Number(b.record.damagedPages > 0) ||
    Number(a.record.keepUntil !== undefined) - Number(b.record.keepUntil !== undefined) ||
    calendarTimeOf(a) - calendarTimeOf(b) ||
    comparePositions(a.record, b.record)
  );
}

/** True if a recovery from `from` passes through the state that `to` has. */
function leadsTo(tree: TimelineTree, from: KnownBackup, to: KnownBackup): boolean {
  const { timeline, lsn } = consistencyPoint(to.record);
  const start = consistencyPoint(from.record);
  return start.lsn <= lsn && reaches(tree, start, timeline);
}
