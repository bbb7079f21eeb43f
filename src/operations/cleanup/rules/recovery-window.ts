/** The rule `recovery-window`: a restore to any moment this far back. Pure. */
import { formatDuration } from '../../../base/units.ts';
import type { KnownBackup, RetentionLimits, SystemState } from '../state.ts';
import { newestReaching, openTimelines, timelineActivity } from '../timeline-activity.ts';
import type { Mark } from './mark.ts';

export interface Window {
  readonly windowMs: number;
  readonly now: Date;
  readonly limits: RetentionLimits;
}

/**
 * Keeps every backup inside the window, and for each timeline in use inside the window the newest backup that ended
 * before the window began: only such a backup can reach the first moments of the window.
 */
export function recoveryWindow(
  backups: readonly KnownBackup[],
  state: SystemState,
  { windowMs, now, limits }: Window,
): Mark[] {
  const begin = now.getTime() - windowMs;
  const window = formatDuration(windowMs);
  const isBefore = ({ record }: KnownBackup) => record.stopTime.getTime() <= begin;
  const marks: Mark[] = backups
    .filter(backup => !isBefore(backup))
    .map(backup => ({ backup, code: 'recovery-window', text: `inside the window of ${window}` }));
  const before = backups.filter(isBefore);
  const undamaged = before.filter(({ record }) => record.damagedPages === 0);
  for (const { timeline } of openTimelines(timelineActivity(state, backups), begin - limits.clockSkewMs)) {
    const text = `the newest on the way to timeline ${timeline} that ended before the window of ${window} began`;
    for (const candidates of [before, undamaged]) {
      const backup = newestReaching(state.tree, candidates, timeline);
      if (backup !== undefined) marks.push({ backup, code: 'window-anchor', text });
    }
  }
  return marks;
}
