/** The test whether a system of a cluster is no longer in use. Pure. */
import type { SystemState } from './state.ts';

/** True if another system has a committed, whole backup that is newer than every object of this system. */
export function isSurelyRetired(state: SystemState, others: readonly SystemState[]): boolean {
  const newestMs = Math.max(
    0,
    ...state.backups.map(({ committedAt }) => committedAt.getTime()),
    ...state.wal.map(({ lastModified }) => lastModified.getTime()),
    ...state.unfinished.map(({ lastModified }) => lastModified.getTime()),
    ...[...state.historyTimes.values()].map(time => time.getTime()),
  );
  return others.some(other =>
    other.backups.some(({ isComplete, committedAt }) => isComplete && committedAt.getTime() > newestMs),
  );
}
