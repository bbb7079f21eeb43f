/** The other branches that a target may mean. The plan refuses to choose between histories. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { formatLsn, type Lsn } from '../../postgres/wal/lsn.ts';
import { formatMicros } from '../../postgres/wal/timestamp.ts';
import { isAlive } from '../../repository/wal/live-timelines.ts';
import { historyFromTree } from '../../repository/wal/timelines.ts';
import { forkOf } from './branches.ts';
import { backupsOn } from './choose-backup.ts';
import type { ReachedTarget } from './reach.ts';
import type { RestoreRequest } from './request.ts';
import type { RestoreSurvey } from './survey.ts';
import { describeTarget, type RestoreTarget } from './target.ts';
import type { WalEvidence } from './wal-evidence.ts';
import type { WalPath } from './wal-path.ts';

/** A branch that does not lead to the target. */
export interface FailedBranch {
  readonly timeline: number;
  /** False: no recovery can follow it. */
  readonly hasBackup: boolean;
  readonly error: WalvaultError;
}

/**
 * The branches with WAL that no backup leads to, unless the request names what it means. Where the history cannot be
 * read, the survey has said so, and nobody knows what leads there.
 */
export function branchesWithoutBackup(survey: RestoreSurvey, request: RestoreRequest): FailedBranch[] {
  if (request.timeline !== undefined || request.backupId !== undefined) return [];
  const timelines = new Set(survey.runs.map(({ timeline }) => timeline));
  return [...timelines]
    .filter(timeline => !survey.unusable.has(timeline) && backupsOn(survey, timeline).length === 0)
    .map(timeline => ({
      timeline,
      hasBackup: false,
      error: new WalvaultError('target', `no backup lies on the way to timeline ${timeline}`),
    }));
}

/** True if the target lies before two branches part, so that either branch gives the same result. */
export async function isSameOutcome(
  target: RestoreTarget,
  one: ReachedTarget,
  other: ReachedTarget,
  evidence: WalEvidence,
): Promise<boolean> {
  const fork = forkOf(one.path, other.path);
  switch (target.kind) {
    case 'end':
      return false;
    case 'immediate':
      return one.backup.id === other.backup.id;
    case 'lsn':
      return target.lsn < fork;
    case 'xid':
    case 'name':
      return one.stopsAt !== undefined && one.stopsAt.lsn === other.stopsAt?.lsn && one.stopsAt.lsn < fork;
    default:
      return await isBefore(target, { path: one.path, fork }, evidence);
  }
}

/** True if the time lies before two branches part: then both have the commit at which recovery stops. */
async function isBefore(
  target: RestoreTarget & { readonly kind: 'time' },
  { path, fork }: { readonly path: WalPath; readonly fork: Lsn },
  evidence: WalEvidence,
): Promise<boolean> {
  const last = await evidence.lastCommit(path, fork);
  return last !== undefined && last > target.timeMicros;
}

/**
 * A branch that parted from the chosen one before the target, still has a server, and has nothing archived after the
 * target: in a split brain, production with a moment of silence looks like this. A transaction or a restore point was
 * found on the chosen branch, which proves that it is meant.
 */
export async function findQuietRival(
  survey: RestoreSurvey,
  found: {
    readonly target: RestoreTarget;
    readonly chosen: ReachedTarget;
    readonly failures: readonly FailedBranch[];
  },
  evidence: WalEvidence,
): Promise<FailedBranch | undefined> {
  const { target, chosen, failures } = found;
  for (const failure of failures) {
    const { timeline } = failure;
    if (!isAlive(survey, timeline)) continue;
    const fork = forkOf(chosen.path, { timeline, history: historyFromTree(survey.tree, timeline) });
    if (!(await mayMeanEither(target, { path: chosen.path, fork }, evidence))) continue;
    return failure;
  }
  return undefined;
}

async function mayMeanEither(
  target: RestoreTarget,
  parted: { readonly path: WalPath; readonly fork: Lsn },
  evidence: WalEvidence,
): Promise<boolean> {
  switch (target.kind) {
    case 'end':
      return true;
    case 'lsn':
      return target.lsn >= parted.fork;
    case 'time':
      return !(await isBefore(target, parted, evidence));
    default:
      return false;
  }
}

export function overshadowed(
  target: RestoreTarget,
  chosen: ReachedTarget,
  quiet: FailedBranch,
): WalvaultError {
  const { recoveryTimeline } = chosen;
  const other = quiet.hasBackup
    ? `a server may have been quiet on timeline ${quiet.timeline}. Choose with --target-timeline ${recoveryTimeline}, or recover all of the other one with --target-timeline ${quiet.timeline} and no target.`
    : `if production is on timeline ${quiet.timeline}, take a backup of its server now. --target-timeline ${recoveryTimeline} chooses the other one.`;
  return new WalvaultError(
    'target',
    `${describeTarget(target)} is on timeline ${recoveryTimeline}, but timeline ${quiet.timeline} existed then, too: ${quiet.error.message}`,
    { hint: `These are different histories: ${other}` },
  );
}

export function ambiguous(target: RestoreTarget, reached: readonly ReachedTarget[]): WalvaultError {
  const branches = reached.toSorted((a, b) => a.recoveryTimeline - b.recoveryTimeline);
  const names = branches.map(({ recoveryTimeline }) => recoveryTimeline);
  const described = branches.map(({ recoveryTimeline, path, lastCommitMicros }) => {
    const last = lastCommitMicros === undefined ? '' : `, last commit ${formatMicros(lastCommitMicros)}`;
    return `timeline ${recoveryTimeline} (archived up to ${formatLsn(path.endLsn)}${last})`;
  });
  return new WalvaultError('target', `${describeTarget(target)} is on ${described.join(' and on ')}`, {
    hint: `These are different histories. Choose one with ${names.map(name => `--target-timeline ${name}`).join(' or ')}.`,
  });
}
