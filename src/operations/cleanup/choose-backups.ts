/** Which backups stay. Pure: rules mark what they keep, whatever no rule keeps may go. */
import { formatDuration } from '../../base/units.ts';
import { hasUsablePositions, supersedes, whyNotCounted } from '../../repository/trust.ts';
import type { KeepReason, Reason } from './decisions.ts';
import { isInProgress } from './in-progress.ts';
import type { KnownBackup, PlanInput, RetentionLimits } from './state.ts';
import { newestReaching, openTimelines, timelineActivity } from './timeline-activity.ts';

export interface BackupChoice {
  /** Committed backups that stay, by id, with every reason that applies. */
  readonly kept: ReadonlyMap<string, readonly Reason<KeepReason>[]>;
  /** Backups from whose start all WAL stays: a recovery from them may go anywhere later. */
  readonly windowStarts: readonly KnownBackup[];
  /** What counts for retention. */
  readonly counted: readonly KnownBackup[];
  /** Records that can be read and contradict themselves. */
  readonly contradictory: readonly KnownBackup[];
}

type Keep = (backup: KnownBackup, code: KeepReason, text: string) => void;

/** Reasons that promise recovery to any later moment, not only to the moment of consistency. */
const windowReasons: ReadonlySet<KeepReason> = new Set([
  'keep-within',
  'window-anchor',
  'live-timeline',
  'newest-full',
  'newest-undamaged',
]);

export function chooseBackups(input: PlanInput, limits: RetentionLimits): BackupChoice {
  const { state, policy } = input;
  const contradictory = state.backups.filter(backup => !hasUsablePositions(backup));
  const counted: KnownBackup[] = [];
  const kept = new Map<string, Reason<KeepReason>[]>();
  const keep: Keep = ({ record: { id } }, code, text) => {
    const reasons = kept.get(id) ?? [];
    if (!reasons.some(reason => reason.code === code)) kept.set(id, [...reasons, { code, text }]);
  };
  for (const backup of state.backups) {
    const problem = whyNotCounted(backup, { policy: input.trust, ...limits, segments: state.segments });
    if (problem === undefined) counted.push(backup);
    else keep(backup, 'not-counted', `not counted and not removed: ${problem}`);
  }
  if (input.isRetired !== true) {
    if (policy.keepLast !== undefined) keepNewest(counted, policy.keepLast, 'keep-last', keep);
    if (policy.keepWithinMs !== undefined)
      keepWindow(input, { counted, keepWithinMs: policy.keepWithinMs, limits }, keep);
    keepNewest(counted, policy.minimumBackups, 'minimum', keep);
    keepMaximal(
      counted.filter(({ record }) => record.type === 'full'),
      'newest-full',
      'the newest full backup',
      keep,
    );
    keepMaximal(
      counted.filter(({ record }) => record.damagedPages === 0),
      'newest-undamaged',
      'the newest backup without damaged pages',
      keep,
    );
    keepLiveTimelines(input, { counted, limits }, keep);
  }
  for (const backup of state.backups)
    if (state.pinned.has(backup.record.id)) keep(backup, 'pinned', 'pinned');
  keepParents(input, limits, keep, kept);
  const isWindowStart = (reasons: readonly Reason<KeepReason>[] | undefined) =>
    reasons?.some(
      ({ code }) => windowReasons.has(code) || (code === 'keep-last' && policy.keepWithinMs === undefined),
    ) ?? false;
  return {
    kept,
    windowStarts: counted.filter(({ record }) => isWindowStart(kept.get(record.id))),
    counted,
    contradictory,
  };
}

/** A backup goes only when `count` others are newer both by position and by the store's clock. */
function keepNewest(
  counted: readonly KnownBackup[],
  count: number,
  code: 'keep-last' | 'minimum',
  keep: Keep,
): void {
  for (const backup of counted) {
    if (counted.filter(other => supersedes(other, backup)).length >= count) continue;
    keep(backup, code, code === 'keep-last' ? `among the newest ${count}` : `at least ${count} must stay`);
  }
}

function keepMaximal(backups: readonly KnownBackup[], code: KeepReason, text: string, keep: Keep): void {
  for (const backup of backups)
    if (!backups.some(other => supersedes(other, backup))) keep(backup, code, text);
}

/**
 * Every backup inside the window, and for each timeline that was in use inside it the newest backup that ended before
 * it began: only from there can the window's first moments be reached.
 */
function keepWindow(
  input: PlanInput,
  {
    counted,
    keepWithinMs,
    limits,
  }: { counted: readonly KnownBackup[]; keepWithinMs: number; limits: RetentionLimits },
  keep: Keep,
): void {
  const { state, now } = input;
  const begin = now.getTime() - keepWithinMs;
  const window = formatDuration(keepWithinMs);
  const isBefore = ({ record }: KnownBackup) => record.stopTime.getTime() <= begin;
  for (const backup of counted)
    if (!isBefore(backup)) keep(backup, 'keep-within', `inside the window of ${window}`);
  const before = counted.filter(isBefore);
  const undamaged = before.filter(({ record }) => record.damagedPages === 0);
  for (const { timeline } of openTimelines(timelineActivity(state, counted), begin - limits.clockSkewMs)) {
    const text = `the newest on the way to timeline ${timeline} that ended before the window of ${window} began`;
    for (const candidates of [before, undamaged]) {
      const anchor = newestReaching(state.tree, candidates, timeline);
      if (anchor !== undefined) keep(anchor, 'window-anchor', text);
    }
  }
}

/** A timeline that still receives WAL keeps a way to its end, also when newer backups lie on another branch. */
function keepLiveTimelines(
  { state, now }: PlanInput,
  { counted, limits }: { counted: readonly KnownBackup[]; limits: RetentionLimits },
  keep: Keep,
): void {
  const since = now.getTime() - limits.liveTimelineMs;
  for (const { timeline, isUnended, hasNewestWal } of openTimelines(
    timelineActivity(state, counted),
    since,
  )) {
    const newest = isUnended || hasNewestWal ? newestReaching(state.tree, counted, timeline) : undefined;
    if (newest !== undefined)
      keep(newest, 'live-timeline', `the newest on the way to timeline ${timeline}, which is in use`);
  }
}

function keepParents(
  { state, now }: PlanInput,
  limits: RetentionLimits,
  keep: Keep,
  kept: ReadonlyMap<string, unknown>,
): void {
  const byId = new Map(state.backups.map(backup => [backup.record.id, backup]));
  const keepChain = (child: string, parent: string | undefined) => {
    for (let id = parent; id !== undefined;) {
      const backup = byId.get(id);
      if (backup === undefined || kept.has(id)) {
        if (backup !== undefined) keep(backup, 'parent', `${child} builds on it`);
        return;
      }
      keep(backup, 'parent', `${child} builds on it`);
      id = backup.record.parent;
    }
  };
  // Whoever is kept already has had, or will have, its own chain walked here.
  for (const { record } of state.backups) if (kept.has(record.id)) keepChain(record.id, record.parent);
  const claims = [
    ...state.unreadable,
    ...state.unfinished.filter(one => isInProgress(one, { state, now }, limits)),
  ];
  for (const { id, claim } of claims) if (claim.kind === 'named') keepChain(id, claim.parent);
}
