/**
 * `walvault cleanup`: removes the backups and WAL that the policy no longer keeps. Each repository is judged by itself:
 * a failure in one does not affect the others.
 */
import { messageOf, WalvaultError } from '../../base/errors/errors.ts';
import type { RetentionPolicy } from '../../config/index.ts';
import { listSystemIds } from '../../repository/format/cluster-record.ts';
import { verifyMarker } from '../../repository/format/marker.ts';
import type { Repository } from '../../repository/repository.ts';
import { refuseUnknownCluster } from '../../repository/known-cluster.ts';
import { surveySystem } from '../../repository/survey.ts';
import type { CleanupPlan } from './decisions.ts';
import { tellingOfListings } from '../listing-progress.ts';
import { executePlan, type Removed } from './execute.ts';
import { gatherState } from './gather.ts';
import { planCleanup } from './plan.ts';
import { choosePolicy, withoutRules } from './policy.ts';
import { isSurelyRetired } from './retired.ts';
import type { RetentionLimits, SystemState } from './state.ts';
import type { UnfinishedWrite } from '../../stores/store.ts';
import { cleanUnfinishedWrites } from './unfinished-writes.ts';
import { listWalObjects } from './wal-objects.ts';
import type { Log } from '../../observe/events/events.ts';

export interface CleanupOptions {
  readonly repositories: readonly Repository[];
  readonly cluster: string;
  /** The rules of the command line, for all repositories. */
  readonly flags: Partial<RetentionPolicy>;
  /** The configured policy of a repository, by its name. */
  readonly configured: (repository: string) => RetentionPolicy;
  /** Clean up only this system of the cluster. */
  readonly systemId?: bigint | undefined;
  /** Remove that system completely, with its last backup: pg_upgrade or a new initdb has replaced it. */
  readonly isRetired: boolean;
  readonly isDryRun: boolean;
  readonly now: Date;
  readonly limits?: Partial<RetentionLimits>;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface CleanupResult {
  readonly isDryRun: boolean;
  readonly repositories: readonly RepositoryCleanup[];
}

export interface RepositoryCleanup {
  readonly name: string;
  readonly url: string;
  /** Undefined: no rule says what to keep, so nothing was removed. */
  readonly policy: RetentionPolicy | undefined;
  readonly systems: readonly SystemCleanup[];
  /** Writes left by writers that died more than a day ago: removed, or to be removed in a dry run. */
  readonly unfinishedWrites: readonly UnfinishedWrite[];
  /** Empty if the whole plan was carried out. */
  readonly failures: readonly CleanupFailure[];
}

export interface CleanupFailure {
  readonly message: string;
  readonly hint: string | undefined;
}

export interface SystemCleanup {
  readonly systemId: bigint;
  readonly plan: CleanupPlan;
  /** The objects that were removed, or would be removed in a dry run. */
  readonly removed: Removed;
}

/**
 * @throws WalvaultError `usage` without a policy for any repository, `not-found` for a cluster that no repository knows. A failure in a
 *   repository is in its `failures`.
 */
export async function cleanup(options: CleanupOptions): Promise<CleanupResult> {
  const { isRetired, isDryRun, systemId } = options;
  if (isRetired && systemId === undefined)
    throw new WalvaultError('usage', 'cleanup: --retired needs --system', {
      hint: '`walvault list` shows the systems a cluster has had.',
    });
  const policies = options.repositories.map(repository => policyOf(options, repository));
  if (policies.every(policy => policy === undefined))
    throw new WalvaultError('usage', 'cleanup: no policy says what to keep', {
      hint: 'Give --recovery-window, --keep-last or another rule, or set one in [retention] of the configuration.',
    });
  const repositories: RepositoryCleanup[] = [];
  for (const [index, repository] of options.repositories.entries()) {
    repositories.push(await cleanRepository(options, repository, policies[index]));
    options.signal.throwIfAborted();
  }
  const judged = repositories.filter(({ policy }) => policy !== undefined);
  if (judged.every(({ systems, failures }) => systems.length === 0 && failures.length === 0))
    await refuseUnknownCluster(options.repositories, options.cluster, options.signal);
  return { isDryRun, repositories };
}

function policyOf(
  { flags, configured, isRetired }: CleanupOptions,
  { name }: Repository,
): RetentionPolicy | undefined {
  return isRetired ? withoutRules(configured(name)) : choosePolicy(flags, configured(name));
}

async function cleanRepository(
  options: CleanupOptions,
  repository: Repository,
  policy: RetentionPolicy | undefined,
): Promise<RepositoryCleanup> {
  const { name, store } = repository;
  const systems: SystemCleanup[] = [];
  const failures: CleanupFailure[] = [];
  let unfinishedWrites: readonly UnfinishedWrite[] = [];
  try {
    await verifyMarker(repository, options.signal);
    if (policy === undefined) options.log.emit({ kind: 'cleanup-without-policy', repository: name });
    else await cleanSystems(options, repository, { policy, systems, failures });
    const unfinished = await cleanUnfinishedWrites(repository, options);
    unfinishedWrites = unfinished.writes;
    failures.push(...unfinished.failures.map(message => ({ message, hint: undefined })));
  } catch (error) {
    failures.push(failureOf(error));
  }
  for (const { removed } of systems)
    failures.push(...removed.failures.map(message => ({ message, hint: undefined })));
  return { name, url: store.url, policy, systems, unfinishedWrites, failures };
}

/** Adds to `systems` and `failures`: a system that fails keeps nothing from the others. */
async function cleanSystems(
  options: CleanupOptions,
  repository: Repository,
  {
    policy,
    systems,
    failures,
  }: {
    readonly policy: RetentionPolicy;
    readonly systems: SystemCleanup[];
    readonly failures: CleanupFailure[];
  },
): Promise<void> {
  for (const state of await gatherSystems(options, repository)) {
    try {
      systems.push(await cleanSystem(options, repository, { state, policy }));
    } catch (error) {
      failures.push(failureOf(error, `system ${state.systemId}: `));
    }
  }
}

function failureOf(error: unknown, prefix = ''): CleanupFailure {
  return {
    message: prefix + messageOf(error),
    hint: error instanceof WalvaultError ? error.hint : undefined,
  };
}

async function gatherSystems(options: CleanupOptions, repository: Repository): Promise<SystemState[]> {
  const { cluster, systemId, isRetired, now, log, signal } = options;
  const ids = await listSystemIds(repository.store, cluster, signal);
  if (systemId !== undefined && !ids.includes(systemId))
    throw new WalvaultError(
      'not-found',
      `${repository.store.url}: cluster "${cluster}" has no system ${systemId}`,
    );
  const listed = tellingOfListings(repository, log);
  const states: SystemState[] = [];
  for (const id of isRetired || systemId === undefined ? ids : [systemId])
    states.push(await gatherState(surveySystem(listed, { cluster, systemId: id }, signal), now));
  if (!isRetired) return states;
  const [retired, others] = [
    states.filter(one => one.systemId === systemId),
    states.filter(one => one.systemId !== systemId),
  ];
  if (!retired.every(state => isSurelyRetired(state, others))) {
    throw new WalvaultError('refused', `${repository.store.url}: system ${systemId} may still be in use`, {
      hint: 'A system is retired when another system of the cluster has a backup that is newer than all it holds itself.',
    });
  }
  return retired;
}

async function cleanSystem(
  options: CleanupOptions,
  repository: Repository,
  { state, policy }: { state: SystemState; policy: RetentionPolicy },
): Promise<SystemCleanup> {
  const { isRetired, isDryRun, now, limits = {}, log, signal } = options;
  const trust = repository.codec.removalPolicy;
  const system = { cluster: options.cluster, systemId: state.systemId };
  const plan = planCleanup({ state, policy, now, trust, isRetired, limits });
  for (const { message, hint } of plan.remarks)
    log.emit({ kind: 'cleanup-in-doubt', repository: repository.name, problem: message, hint });
  const removed = isDryRun
    ? await foresee(repository, system, { plan, state, signal })
    : await executePlan({ repository, system, state, plan, now, log, signal });
  return { systemId: state.systemId, plan, removed };
}

/** Counts the objects that a run would remove, by the same listings. */
async function foresee(
  repository: Repository,
  system: { cluster: string; systemId: bigint },
  { plan, state, signal }: { plan: CleanupPlan; state: SystemState; signal: AbortSignal },
): Promise<Removed> {
  const backups = plan.backups.filter(({ action }) => action === 'remove');
  let objectCount = backups.reduce((sum, backup) => sum + backup.objectCount, 0);
  let freedBytes = backups.reduce((sum, backup) => sum + backup.storedBytes, 0);
  const { geometry } = state;
  for (const range of plan.wal) {
    if (range.action === 'keep' || geometry === undefined) continue;
    for await (const { sizeBytes } of listWalObjects(repository, system, range, { geometry, signal })) {
      objectCount += 1;
      freedBytes += sizeBytes;
    }
  }
  return {
    backups: backups.map(({ id }) => id),
    objectCount,
    freedBytes,
    failures: [],
    locked: undefined,
    yielded: [],
  };
}
