/**
 * `walvault verify`: looks whether what an archive holds can still be restored, and says what cannot, and what would repair
 * it.
 */
import { WalvaultError } from '../../base/errors/errors.ts';
import { listSystemIds } from '../../repository/format/cluster-record.ts';
import { markerKey, type SystemPath } from '../../repository/format/layout.ts';
import { MarkerMissing, verifyMarker } from '../../repository/format/marker.ts';
import { verifiedRunNote, type ReadDepth } from '../../repository/format/notes/verified.ts';
import { refuseUnknownCluster } from '../../repository/known-cluster.ts';
import type { Repository } from '../../repository/repository.ts';
import { surveySystem } from '../../repository/survey.ts';
import { tellingOfListings } from '../listing-progress.ts';
import { isDamage, noLoss, type Finding } from './finding.ts';
import { gatherState, type ArchiveState } from './gather.ts';
import { judgeContinuity, lossContextOf } from './judge.ts';
import { Oddities, seeTopLevel } from './oddities.ts';
import type { DataSummary, VerifiedRepository, VerifiedSystem, VerifyOptions } from './options.ts';
import { readData, type DataRead } from './read-data.ts';
import { Memory } from './remember.ts';
import { repair } from './repair.ts';

/**
 * Verifies each repository. One that cannot be read has a `problem` in the result; the others are verified all the same.
 * @throws WalvaultError `not-found` if they hold other clusters and not this one
 */
export async function verify(options: VerifyOptions): Promise<VerifiedRepository[]> {
  const { repositories, cluster, signal } = options;
  const results: VerifiedRepository[] = [];
  for (const repository of repositories) {
    results.push(await verifyRepository(repository, options));
    signal.throwIfAborted();
  }
  if (results.every(({ systems, problem }) => systems.length === 0 && problem === undefined))
    await refuseUnknownCluster(repositories, cluster, signal);
  return results;
}

async function verifyRepository(repository: Repository, options: VerifyOptions): Promise<VerifiedRepository> {
  const { cluster, systemId: only, log, signal } = options;
  const { name } = repository;
  const findings: Finding[] = [];
  const systems: VerifiedSystem[] = [];
  try {
    const telling = tellingOfListings(repository, log);
    const ids = await listSystemIds(telling.store, cluster, signal);
    findings.push(...(await markerFindings(telling, ids.length > 0, signal)));
    for (const systemId of ids)
      if (only === undefined || only === systemId)
        systems.push(await verifySystem(telling, { cluster, systemId }, options));
    return { name, problem: undefined, findings, systems };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof WalvaultError)) throw error;
    return { name, problem: error, findings, systems };
  }
}

/** @throws WalvaultError `not-a-repository` for an empty place, and for another repository than the configured one */
async function markerFindings(
  repository: Repository,
  hasSystems: boolean,
  signal: AbortSignal,
): Promise<Finding[]> {
  const base = {
    severity: 'damaged',
    subject: markerKey,
    loss: { ...noLoss, otherwise: 'nothing is archived here, and nothing is fetched from here' },
  } as const;
  try {
    await verifyMarker(repository, signal);
    return [];
  } catch (error) {
    if (!(error instanceof WalvaultError)) throw error;
    if (error instanceof MarkerMissing && hasSystems)
      return [
        { ...base, kind: 'marker-missing', problem: 'is missing', remedies: ['older-version', 'init'] },
      ];
    if (error.code !== 'damaged') throw error;
    const problem = error.message;
    return [{ ...base, kind: 'marker-unreadable', problem, remedies: ['older-version', 'remove', 'init'] }];
  }
}

async function verifySystem(
  repository: Repository,
  system: SystemPath,
  options: VerifyOptions,
): Promise<VerifiedSystem> {
  const { now, log, signal } = options;
  const oddities = new Oddities(system);
  const survey = surveySystem(oddities.watch(repository), system, signal);
  await seeTopLevel(repository, system, oddities, signal);
  const state = await gatherState(survey, oddities, { now, signal });
  const memory = new Memory(repository, { system, log, signal });
  const { geometry } = state;
  const read =
    options.data === undefined || geometry === undefined
      ? undefined
      : await readData({
          survey,
          state,
          context: { ...lossContextOf(state), system, geometry },
          extras: oddities.extras,
          choice: {
            since: new Date(now.getTime() - options.data.againAfterMs),
            depth: depthOf(repository),
            percent: options.data.percent,
            now,
          },
          reader: options.data.reader,
          memory,
          log,
          signal,
        });
  tellDepth(repository, read, options);
  const found = [...judgeContinuity(state), ...(read?.findings ?? [])];
  const findings = options.isRepairing ? await repairAll(repository, { found, state }, options) : found;
  const isRead = read !== undefined && read.segmentCount + read.partCount > 0;
  await memory.write([verifiedRunNote(summaryOf(findings, read))], { isRead });
  return { systemId: system.systemId, findings, data: read && dataSummary(read) };
}

function repairAll(
  repository: Repository,
  {
    found,
    state: { system, geometry },
  }: { readonly found: readonly Finding[]; readonly state: ArchiveState },
  { all, log, signal }: VerifyOptions,
): Promise<Finding[]> {
  const others = all.filter(({ name }) => name !== repository.name);
  return repair(found, { repository, others, system, geometry, log, signal });
}

/** Without a key for what it archives, a host compares the stored bytes. */
function depthOf({ codec }: Repository): ReadDepth {
  const { mode, privateKeys, passphrases } = codec.keyring.settings;
  return mode === 'none' || privateKeys.length + passphrases.length > 0 ? 'decoded' : 'stored';
}

function tellDepth({ name }: Repository, read: DataRead | undefined, { log }: VerifyOptions): void {
  if (read?.depth === 'stored') log.emit({ kind: 'content-not-decoded', repository: name });
  if (read !== undefined && read.coldCount > 0)
    log.emit({ kind: 'cold-data-not-read', repository: name, objectCount: read.coldCount });
}

function summaryOf(findings: readonly Finding[], read: DataRead | undefined) {
  return {
    depth: read?.depth ?? 'continuity',
    damaged: findings.filter(isDamage).length + (read?.omittedCount ?? 0),
    warnings: findings.filter(({ severity }) => severity === 'warning').length,
    segmentCount: read?.segmentCount ?? 0,
    partCount: read?.partCount ?? 0,
  } as const;
}

function dataSummary(read: DataRead): DataSummary {
  const { depth, segmentCount, partCount, storedBytes, coldCount, omittedCount } = read;
  return { depth, segmentCount, partCount, storedBytes, coldCount, omittedCount };
}
