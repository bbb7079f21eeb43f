/** Asks the restore planner what can be restored from the backups and the WAL that a cleanup left. */
import { WalvaultError } from '../../src/base/errors/errors.ts';
import type { CleanupPlan } from '../../src/operations/cleanup/decisions.ts';
import type { KnownBackup, SystemState } from '../../src/operations/cleanup/state.ts';
import { planRestore } from '../../src/operations/restore/plan.ts';
import type { RestoreRequest } from '../../src/operations/restore/request.ts';
import type { RestoreSurvey } from '../../src/operations/restore/survey.ts';
import type { WalEvidence } from '../../src/operations/restore/wal-evidence.ts';
import { subtract } from '../../src/postgres/wal/segment-range.ts';
import { knownFromBackups } from '../../src/repository/wal/known-wal.ts';
import { geometry } from './cleanup-state.ts';
import type { Moment } from './simulated-cluster.ts';

/** The survey of a repository with these backups; `plan` is what was removed from it. */
export function surveyOf(
  state: Pick<SystemState, 'tree' | 'historyTimes' | 'segments'>,
  backups: readonly KnownBackup[],
  plan?: CleanupPlan,
): RestoreSurvey {
  const removed = (plan?.wal ?? []).filter(({ action }) => action === 'remove');
  const records = backups.map(({ record }) => record);
  const ids = new Set(records.map(({ id }) => id));
  // A backup without one of its parents is none.
  const whole = records.filter(record => {
    for (let id = record.parent; id !== undefined; id = records.find(one => one.id === id)?.parent)
      if (!ids.has(id)) return false;
    return true;
  });
  return {
    backups: whole,
    geometry,
    tree: state.tree,
    historyTimes: state.historyTimes,
    unusable: new Map(),
    runs: state.segments.flatMap(run =>
      subtract(run, removed).map(piece => ({ ...piece, storedBytes: 0, lastModified: new Date(0) })),
    ),
    known: [
      ...knownFromBackups(records),
      ...removed.map(one => ({ ...one, sign: 'removed' as const, shownBy: 'cleanup removed it' })),
    ],
  };
}

/** True if a restore can go to the end of this segment along its timeline. */
export function canReach(survey: RestoreSurvey, { timeline, segment }: Moment): Promise<boolean> {
  const lsn = geometry.endLsn(BigInt(segment)) - 1n;
  return isPlanned(survey, { target: { kind: 'lsn', lsn, inclusive: true }, backupId: undefined, timeline });
}

/** True if a restore of this backup becomes consistent. */
export function canRestore(survey: RestoreSurvey, backupId: string): Promise<boolean> {
  return isPlanned(survey, { target: { kind: 'immediate' }, backupId, timeline: undefined });
}

async function isPlanned(survey: RestoreSurvey, request: RestoreRequest): Promise<boolean> {
  try {
    await planRestore(survey, request, everythingHappens);
    return true;
  } catch (error) {
    if (!(error instanceof WalvaultError)) throw error;
    return false;
  }
}

/** WAL in which there is a record at every position, and nothing is dropped. */
const everythingHappens: WalEvidence = {
  lastCommit: () => Promise.resolve(undefined),
  find: (_path, target, { from, to }) =>
    Promise.resolve(
      target.kind === 'lsn' && target.lsn >= from && target.lsn < to ? { lsn: target.lsn } : undefined,
    ),
  dropsInProgress: () => Promise.resolve([]),
};
