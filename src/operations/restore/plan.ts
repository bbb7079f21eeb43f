/**
 * The plan of a restore: the backup, the timeline, and the proof that the archive has every segment on the way.
 *
 * The plan reads no object itself: it asks `WalEvidence` for facts that only WAL has.
 */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { DropInProgress } from '../../postgres/wal/drop-tracker.ts';
import type { SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { BackupRecord } from '../../repository/format/backup-record.ts';
import type { AcknowledgedGap } from '../../repository/format/notes/gap-acknowledged.ts';
import { candidateTimelines, noBackupOfLivingBranch } from './branches.ts';
import { reach, type ReachedTarget } from './reach.ts';
import type { RestoreRequest } from './request.ts';
import { spareDrops } from './spare-drops.ts';
import type { RestoreSurvey } from './survey.ts';
import {
  ambiguous,
  branchesWithoutBackup,
  findQuietRival,
  isSameOutcome,
  overshadowed,
  type FailedBranch,
} from './rivals.ts';
import type { RestoreTarget } from './target.ts';
import type { FoundTarget, WalEvidence } from './wal-evidence.ts';

export interface RestorePlan {
  readonly backup: BackupRecord;
  readonly target: RestoreTarget;
  /** The DROP before which recovery stops, instead of at the target that was asked for. */
  readonly spared: DropInProgress | undefined;
  /** The value of `recovery_target_timeline`: a number, so that a timeline that appears later changes nothing. */
  readonly timeline: number;
  /** Every segment the recovery may need, all of them proven present. */
  readonly wal: readonly SegmentRange[];
  /** The position where recovery stops, if known. */
  readonly stopsAt: FoundTarget | undefined;
  /** A recovery to the end of the archive ends at this gap, which somebody accepted. */
  readonly acceptedGap: AcknowledgedGap | undefined;
  /** The time of the last commit on the way, if it was looked up. */
  readonly lastCommitMicros: bigint | undefined;
}

/**
 * Plans the restore.
 * @throws WalvaultError `target` (not recoverable, on two branches, or within a DROP DATABASE), `wal-missing` naming the
 *   first hole, `not-found` for an unknown backup
 */
export async function planRestore(
  survey: RestoreSurvey,
  request: RestoreRequest,
  evidence: WalEvidence,
): Promise<RestorePlan> {
  const timelines = candidateTimelines(survey, request);
  const reached: ReachedTarget[] = [];
  const failures: FailedBranch[] = [];
  // The newest timeline comes first: its error is shown when no branch reaches the target.
  for (const timeline of timelines.toSorted((a, b) => b - a)) {
    try {
      reached.push(await reach(survey, request, timeline, evidence));
    } catch (error) {
      if (!(error instanceof WalvaultError) || !branchFailures.has(error.code)) throw error;
      failures.push({ timeline, hasBackup: true, error });
    }
  }
  // The branch with a hole may be the right one: another branch that reaches the target must not be taken instead.
  const hole = failures.find(({ error }) => error.code === 'wal-missing');
  const [chosen, ...others] = reached;
  if (hole !== undefined) throw hole.error;
  if (chosen === undefined) throw failures[0]?.error ?? noBackupOfLivingBranch(survey);
  for (const other of others)
    if (!(await isSameOutcome(request.target, chosen, other, evidence)))
      throw ambiguous(request.target, reached);
  const passedOver = [...failures, ...branchesWithoutBackup(survey, request)];
  const quiet = await findQuietRival(
    survey,
    { target: request.target, chosen, failures: passedOver },
    evidence,
  );
  if (quiet !== undefined) throw overshadowed(request.target, chosen, quiet);
  const { reached: final, target, spared } = await spareDrops(survey, request, chosen, evidence);
  const { backup, pieces, stopsAt, lastCommitMicros, recoveryTimeline } = final;
  return {
    backup,
    target,
    spared,
    timeline: recoveryTimeline,
    wal: pieces,
    stopsAt,
    acceptedGap: request.target.kind === 'end' ? chosen.path.acceptedGap : undefined,
    lastCommitMicros,
  };
}

const branchFailures: ReadonlySet<string> = new Set(['target', 'wal-missing']);
