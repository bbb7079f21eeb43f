/** The choice of the backups to keep. Pure: each rule marks backups to keep; cleanup may remove the unmarked ones. */
import { isBelieved } from '../../repository/encoding/signature-policy.ts';
import { formatDuration } from '../../base/units.ts';
import { hasUsablePositions, supersedes, whyNotCounted } from '../../repository/trust.ts';
import { whyRestoring } from './claimed-by-restores.ts';
import type { DecisionReason, KeepReason } from './decisions.ts';
import { isInProgress } from './in-progress.ts';
import type { KnownBackup, PlanInput, RetentionLimits } from './state.ts';
import { newestReaching, openTimelines, timelineActivity } from './timeline-activity.ts';

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

type Keep = (backup: KnownBackup, code: KeepReason, text: string) => void;

/** The reasons that promise a recovery to any later moment, not only to the moment of consistency. */
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
  const kept = new Map<string, DecisionReason<KeepReason>[]>();
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
  for (const backup of state.backups) {
    if (state.pinned.has(backup.record.id)) keep(backup, 'pinned', 'pinned');
    const restoring = whyRestoring(state, backup.record.id);
    if (restoring !== undefined) keep(backup, restoring.code, restoring.text);
  }
  keepParents(input, limits, keep, kept);
  const isWindowStart = (reasons: readonly DecisionReason<KeepReason>[] | undefined) =>
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

/** Keeps a backup unless `count` others are newer, both by position and by the store's clock. */
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
 * Keeps every backup inside the window, and for each timeline in use inside the window the newest backup that ended
 * before the window began: only such a backup can reach the first moments of the window.
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

/** Keeps a backup that leads to the end of each timeline in use, even if newer backups are on another branch. */
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
  { state, now, trust }: PlanInput,
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
  // This loop walks the chain of every kept backup, so `keepChain` may stop at a kept parent.
  for (const { record } of state.backups) if (kept.has(record.id)) keepChain(record.id, record.parent);
  const claims = [
    ...state.unreadable.filter(({ verdict }) => isBelieved(verdict, trust)),
    ...state.unfinished.filter(one => isInProgress(one, { state, now }, limits)),
  ];
  for (const { id, claim } of claims) if (claim.kind === 'named') keepChain(id, claim.parent);
}
