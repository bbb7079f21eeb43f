/** The choice of the backups to keep. Pure: each rule marks backups to keep; cleanup may remove the unmarked ones. */
import { hasUsablePositions, whyNotCounted } from '../../repository/trust.ts';
import { whyRestoring } from './claimed-by-restores.ts';
import type { DecisionReason, KeepReason } from './decisions.ts';
import { keepByCalendar } from './rules/calendar.ts';
import { isHeld, keepUntil } from './rules/keep-until.ts';
import { keepWithin } from './rules/keep-within.ts';
import type { Mark } from './rules/mark.ts';
import { keepLast, minimumBackups } from './rules/newest.ts';
import { parents } from './rules/parents.ts';
import type { PeriodKind } from './rules/periods.ts';
import { recoveryWindow } from './rules/recovery-window.ts';
import { liveTimelines, newestFull, newestUndamaged } from './rules/safeguards.ts';
import type { KnownBackup, PlanInput, RetentionLimits } from './state.ts';

export interface BackupChoice {
  /** The committed backups to keep, by id, with every reason that applies. */
  readonly kept: ReadonlyMap<string, readonly DecisionReason<KeepReason>[]>;
  /** The backups from whose start cleanup keeps all WAL, so that a recovery may go to any later point. */
  readonly windowStarts: readonly KnownBackup[];
  /** The backups that count for retention. */
  readonly counted: readonly KnownBackup[];
  /** The backups whose records are readable and contradict themselves. */
  readonly contradictory: readonly KnownBackup[];
}

/** The reasons that promise a recovery to any later moment, not only to the moment of consistency. */
const windowReasons: ReadonlySet<KeepReason> = new Set([
  'keep-last',
  'recovery-window',
  'window-anchor',
  'live-timeline',
  'newest-full',
  'newest-undamaged',
]);

export function chooseBackups(input: PlanInput, limits: RetentionLimits): BackupChoice {
  const { state } = input;
  const counted: KnownBackup[] = [];
  const kept = new Map<string, DecisionReason<KeepReason>[]>();
  const keep = (marks: readonly Mark[]) => {
    for (const { backup, code, text } of marks) {
      const reasons = kept.get(backup.record.id) ?? [];
      if (!reasons.some(reason => reason.code === code))
        kept.set(backup.record.id, [...reasons, { code, text }]);
    }
  };
  const problems = whyEachIsNotCounted(input, limits);
  for (const backup of state.backups) {
    const problem = problems.get(backup.record.id) ?? whyChainIsNotCounted(backup, state, problems);
    if (problem === undefined) counted.push(backup);
    else keep([{ backup, code: 'not-counted', text: `not counted and not removed: ${problem}` }]);
  }
  if (input.isRetired !== true) {
    keep(byPolicy(input, counted, limits));
    keep(newestFull(counted));
    keep(newestUndamaged(counted));
    keep(liveTimelines(counted, state, { now: input.now, limits }));
  }
  keep(keepUntil(counted, { now: input.now, ...limits }));
  keep(pinned(input));
  keep(inRestore(input));
  keep(parents(input, limits, id => kept.has(id)));
  const isWindowStart = ({ record }: KnownBackup) =>
    kept.get(record.id)?.some(({ code }) => windowReasons.has(code)) === true;
  return {
    kept,
    windowStarts: counted.filter(isWindowStart),
    counted,
    contradictory: state.backups.filter(backup => !hasUsablePositions(backup)),
  };
}

/** By id, for the backups that do not count by themselves. */
function whyEachIsNotCounted(
  { state, trust }: PlanInput,
  limits: RetentionLimits,
): ReadonlyMap<string, string> {
  const problems = new Map<string, string>();
  for (const backup of state.backups) {
    const problem = whyNotCounted(backup, { policy: trust, ...limits, segments: state.segments });
    if (problem !== undefined) problems.set(backup.record.id, problem);
  }
  return problems;
}

/** A backup restores only with all that it builds on, so it must not push out one that is whole. */
function whyChainIsNotCounted(
  { record }: KnownBackup,
  { backups }: PlanInput['state'],
  problems: ReadonlyMap<string, string>,
): string | undefined {
  const seen = new Set([record.id]);
  for (let id = record.parent; id !== undefined && !seen.has(id);) {
    seen.add(id);
    const parent = backups.find(one => one.record.id === id);
    if (parent === undefined) return `it builds on ${id}, which is not here`;
    if (problems.has(id)) return `it builds on ${id}, which does not count`;
    id = parent.record.parent;
  }
  return undefined;
}

/** What the policy keeps. Backups that stay anyway until a time of their own take no place of others. */
function byPolicy(
  { state, policy, now }: PlanInput,
  counted: readonly KnownBackup[],
  limits: RetentionLimits,
): Mark[] {
  const { timeZone } = policy;
  const scheduled = counted.filter(backup => !isHeld(backup, { now, ...limits }));
  const calendar = (kind: PeriodKind, count: number | undefined) =>
    count === undefined ? [] : keepByCalendar(scheduled, state.tree, { kind, count, timeZone });
  return [
    ...(policy.recoveryWindowMs === undefined
      ? []
      : recoveryWindow(counted, state, { windowMs: policy.recoveryWindowMs, now, limits })),
    ...(policy.keepLast === undefined ? [] : keepLast(scheduled, policy.keepLast)),
    ...(policy.keepWithinMs === undefined ? [] : keepWithin(counted, { withinMs: policy.keepWithinMs, now })),
    ...calendar('hour', policy.keepHourly),
    ...calendar('day', policy.keepDaily),
    ...calendar('week', policy.keepWeekly),
    ...calendar('month', policy.keepMonthly),
    ...calendar('year', policy.keepYearly),
    ...minimumBackups(scheduled, policy.minimumBackups),
  ];
}

/** What restores in progress read. */
function inRestore({ state }: PlanInput): Mark[] {
  return state.backups.flatMap(backup => {
    const reason = whyRestoring(state, backup.record.id);
    return reason === undefined ? [] : [{ backup, ...reason }];
  });
}

function pinned({ state }: PlanInput): Mark[] {
  return state.backups
    .filter(({ record }) => state.pinned.has(record.id))
    .map(backup => ({ backup, code: 'pinned', text: 'pinned' }));
}
