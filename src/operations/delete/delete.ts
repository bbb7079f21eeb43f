/**
 * `walvault delete`: removes one backup that a person names, as cleanup would remove it.
 *
 * It has two steps, with a person's consent in between: the plans for all repositories, of which nothing is done if one
 * refuses, and their execution.
 */
import { messageOf } from '../../base/errors/errors.ts';
import type { Log } from '../../observe/events/events.ts';
import type { Repository } from '../../repository/repository.ts';
import { surveySystem } from '../../repository/survey.ts';
import { failureOfSome, findBackupPlaces, type BackupPlace } from '../backup-places.ts';
import { executePlan, type Removed } from '../cleanup/execute.ts';
import { gatherState } from '../cleanup/gather.ts';
import type { SystemState } from '../cleanup/state.ts';
import { tellingOfListings } from '../listing-progress.ts';
import { surveyForReport } from '../restore/survey.ts';
import type { Allowances, DeletionPlan } from './decisions.ts';
import { planDeletion } from './plan.ts';

export interface DeleteOptions {
  readonly repositories: readonly Repository[];
  readonly cluster: string;
  /** The id of the backup. */
  readonly id: string;
  readonly allowed: Allowances;
  readonly now: Date;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface PlannedDeletion {
  readonly place: BackupPlace;
  readonly state: SystemState;
  readonly plan: DeletionPlan;
}

export interface PlannedDeletions {
  readonly planned: readonly PlannedDeletion[];
  /** Names of the repositories that do not have the backup. */
  readonly without: readonly string[];
}

/**
 * Plans the deletion in each repository that has the backup.
 * @throws WalvaultError `not-found`; the failure of a repository that cannot be read: its backup would stay without a word
 */
export async function planDeletions(options: DeleteOptions): Promise<PlannedDeletions> {
  const { places, without, failures } = await findBackupPlaces(options.repositories, {
    ...options,
    orUnfinished: true,
  });
  const failure = failureOfSome('delete', failures);
  if (failure !== undefined) throw failure;
  const planned: PlannedDeletion[] = [];
  for (const place of places) planned.push(await planIn(place, options));
  return { planned, without };
}

async function planIn(
  place: BackupPlace,
  { id, allowed, now, log, signal }: DeleteOptions,
): Promise<PlannedDeletion> {
  const { repository, system } = place;
  const survey = surveySystem(tellingOfListings(repository, log), system, signal);
  const state = await gatherState(survey, now);
  const restores = await surveyForReport(survey);
  const trust = repository.codec.removalPolicy;
  return { place, state, plan: planDeletion({ state, restores, id, allowed, now, trust }) };
}

export interface DeletedIn {
  readonly repository: string;
  readonly removed: Removed;
}

/**
 * Executes the plans, of which none may have refusals. What cannot be deleted in a repository is in its `failures`, and
 * does not keep the others from being worked on.
 */
export async function carryOut(
  { planned }: PlannedDeletions,
  { now, log, signal }: Pick<DeleteOptions, 'now' | 'log' | 'signal'>,
): Promise<DeletedIn[]> {
  const deleted: DeletedIn[] = [];
  for (const { place, state, plan } of planned) {
    const { repository, system } = place;
    // What else a cleanup tidies up is not asked for.
    const only = { ...state, outdatedNotes: [] };
    const options = { repository, system, state: only, plan: plan.removal, now, log, signal };
    deleted.push({ repository: repository.name, removed: await executed(options) });
    signal.throwIfAborted();
  }
  return deleted;
}

async function executed(options: Parameters<typeof executePlan>[0]): Promise<Removed> {
  try {
    return await executePlan(options);
  } catch (error) {
    options.signal.throwIfAborted();
    return {
      backups: [],
      objectCount: 0,
      freedBytes: 0,
      failures: [messageOf(error)],
      locked: undefined,
      yielded: [],
    };
  }
}
