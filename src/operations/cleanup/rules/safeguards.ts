/** What stays whatever the policy says: the newest full backup, the newest whole one, the way to servers in use. Pure. */
import { supersedes } from '../../../repository/trust.ts';
import type { KeepReason } from '../decisions.ts';
import type { KnownBackup, RetentionLimits, SystemState } from '../state.ts';
import { newestReaching, openTimelines, timelineActivity } from '../timeline-activity.ts';
import type { Mark } from './mark.ts';

export function newestFull(backups: readonly KnownBackup[]): Mark[] {
  const full = backups.filter(({ record }) => record.type === 'full');
  return maximal(full, 'newest-full', 'the newest full backup');
}

export function newestUndamaged(backups: readonly KnownBackup[]): Mark[] {
  const undamaged = backups.filter(({ record }) => record.damagedPages === 0);
  return maximal(undamaged, 'newest-undamaged', 'the newest backup without damaged pages');
}

function maximal(backups: readonly KnownBackup[], code: KeepReason, text: string): Mark[] {
  return backups
    .filter(backup => !backups.some(other => supersedes(other, backup)))
    .map(backup => ({ backup, code, text }));
}

/** Keeps a backup that leads to the end of each timeline in use, even if newer backups are on another branch. */
export function liveTimelines(
  backups: readonly KnownBackup[],
  state: SystemState,
  { now, limits }: { readonly now: Date; readonly limits: RetentionLimits },
): Mark[] {
  const marks: Mark[] = [];
  const since = now.getTime() - limits.liveTimelineMs;
  const open = openTimelines(timelineActivity(state, backups), since);
  for (const { timeline, isUnended, hasNewestWal } of open) {
    const backup = isUnended || hasNewestWal ? newestReaching(state.tree, backups, timeline) : undefined;
    if (backup !== undefined)
      marks.push({
        backup,
        code: 'live-timeline',
        text: `the newest on the way to timeline ${timeline}, which is in use`,
      });
  }
  return marks;
}
