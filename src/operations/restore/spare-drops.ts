/**
 * The choice to stop a little earlier where the target lies within a DROP DATABASE or DROP TABLESPACE. At the target
 * itself the files are gone, or marked as gone, while the row is still there: nobody could connect to that database.
 */
import { WalvaultError } from '../../base/errors/errors.ts';
import { formatCount } from '../../base/units.ts';
import type { CommitsSince, DropInProgress } from '../../postgres/wal/drop-tracker.ts';
import { formatLsn } from '../../postgres/wal/lsn.ts';
import { formatMicros } from '../../postgres/wal/timestamp.ts';
import { reach, type ReachedTarget } from './reach.ts';
import type { RestoreRequest } from './request.ts';
import { stopPosition, type StopQuestion } from './stop-position.ts';
import type { RestoreSurvey } from './survey.ts';
import { describeTarget, type RestoreTarget } from './target.ts';
import type { WalEvidence } from './wal-evidence.ts';

export interface SparedPlan {
  readonly reached: ReachedTarget;
  readonly target: RestoreTarget;
  /** The drop before which recovery stops, instead of at the target that was asked for. */
  readonly spared: DropInProgress | undefined;
}

/**
 * Moves the target to just before the drop if this gives up no commit, which is the same state but for the database.
 * @throws WalvaultError `target` naming the position and the commits, if it would give up any
 */
export async function spareDrops(
  survey: RestoreSurvey,
  request: RestoreRequest,
  reached: ReachedTarget,
  evidence: WalEvidence,
): Promise<SparedPlan> {
  const asked = request.target;
  let plan: SparedPlan = { reached, target: asked, spared: undefined };
  if (request.throughDrops === true) return plan;
  for (;;) {
    // Before an earlier drop another one may be in progress: each turn goes back, so this ends.
    const drop = await firstDrop({ survey, evidence, ...plan });
    if (drop === undefined) return plan;
    if (drop.commits.count > 0) throw givesUpCommits(asked, drop);
    const target = { kind: 'lsn', lsn: drop.lsn, inclusive: false } as const;
    const timeline = plan.reached.recoveryTimeline;
    plan = {
      reached: await reach(survey, { ...request, target }, timeline, evidence),
      target,
      spared: drop,
    };
  }
}

async function firstDrop(question: StopQuestion): Promise<DropInProgress | undefined> {
  const { reached, evidence } = question;
  const dropAt = async (isExact: boolean) => {
    const stop = await stopPosition(question, isExact);
    return stop === undefined ? undefined : (await evidence.dropsInProgress(reached.path, stop))[0];
  };
  const drop = await dropAt(false);
  // Only here can a clock that went back do harm: a later position would let recovery pass the time.
  return drop !== undefined && question.target.kind === 'time' ? await dropAt(true) : drop;
}

/** The object in words: `database "orders"`. */
export function describeDropped({ kind, name, objectId }: DropInProgress): string {
  if (name !== undefined) return `${kind} "${name}"`;
  return objectId === undefined ? `a ${kind}` : `${kind} ${objectId}`;
}

function givesUpCommits(asked: RestoreTarget, drop: DropInProgress): WalvaultError {
  const { count } = drop.commits;
  const statement = `DROP ${drop.kind.toUpperCase()}`;
  return new WalvaultError(
    'target',
    `${describeTarget(asked)} is within the ${statement} of ${describeDropped(drop)}, which began at ${formatLsn(drop.lsn)}: stopping there would leave it unusable`,
    {
      hint: `--target-lsn ${formatLsn(drop.lsn)} --exclusive brings it back and gives up ${formatCount(count, 'later commit')} (${describeCommits(drop.commits)}); --through-drop keeps ${count === 1 ? 'it' : 'them'} and loses the ${drop.kind}.`,
    },
  );
}

function describeCommits({ count, firstTimeMicros, lastTimeMicros, transactionIds }: CommitsSince): string {
  const times = [firstTimeMicros, lastTimeMicros]
    .filter((time, index, all) => time !== undefined && all.indexOf(time) === index)
    .map(time => formatMicros(time ?? 0n));
  const more = count > transactionIds.length ? ', …' : '';
  return `transaction${count === 1 ? '' : 's'} ${transactionIds.join(', ')}${more}, ${times.join(' to ')}`;
}
