/** The survey that a restore plans from: the one PostgreSQL system, with the backups that may be used. */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { Lsn } from '../../postgres/wal/lsn.ts';
import { describeVerdict, type SignaturePolicy } from '../../repository/encoding/signature-policy.ts';
import type { BackupRecord } from '../../repository/format/backup-record.ts';
import { listSystemIds } from '../../repository/format/cluster-record.ts';
import type { Repository } from '../../repository/repository.ts';
import { refuseUnknownCluster } from '../../repository/known-cluster.ts';
import { surveySystem, type SystemSurvey } from '../../repository/survey.ts';
import { healHistoryHint } from '../../repository/wal/timelines.ts';
import { whyNotUsed, withLineage } from '../../repository/trust.ts';
import type { Log } from '../../observe/events/events.ts';
import type { WalSurvey } from './wal-path.ts';

export interface RestoreSurvey extends WalSurvey {
  /** The usable backups: readable, and signed as the policy requires. */
  readonly backups: readonly BackupRecord[];
  /** When each timeline's history reached the store, by the store's clock. */
  readonly historyTimes: ReadonlyMap<number, Date>;
  /** The timelines whose archived history cannot be read: a restore cannot follow them. */
  readonly unusable: ReadonlyMap<number, string>;
  /** Where restore points were noted that have the name of the target. They tell where to look first, no more. */
  readonly noted?: readonly NotedPosition[];
}

/** A position in the WAL that a note tells of. */
export interface NotedPosition {
  readonly timeline: number;
  /** The end of its record. */
  readonly lsn: Lsn;
}

export interface SurveyOptions {
  readonly verifySignatures: SignaturePolicy;
  /** The requested backup: if it cannot be used, that is an error and not a warning. */
  readonly backupId: string | undefined;
  /** The name of the restore point that is the target, if one is. */
  readonly restorePoint: string | undefined;
  readonly log: Log;
}

/**
 * Reads the catalogue and the listings.
 * @throws WalvaultError `damaged` when the named backup, or every backup, cannot be trusted or read
 */
export async function surveyForRestore(survey: SystemSurvey, options: SurveyOptions): Promise<RestoreSurvey> {
  const backups = await usableBackups(survey, options);
  const cluster = await survey.clusterRecord();
  const geometry = backups[0]?.geometry ?? cluster?.geometry;
  if (geometry === undefined) throw noBackup(survey);
  const found = await surveyAround(survey, backups, geometry);
  for (const [timeline, problem] of found.unusable)
    options.log.emit({ kind: 'timeline-left-out', timeline, problem, hint: healHistoryHint(timeline) });
  if (options.restorePoint === undefined) return found;
  const points = await survey.restorePoints();
  return { ...found, noted: points.filter(({ name }) => name === options.restorePoint) };
}

/** The same for reports: what cannot be used is left out without a word. Undefined where there is nothing to restore. */
export async function surveyForReport(survey: SystemSurvey): Promise<RestoreSurvey | undefined> {
  const { policy } = survey.repository.codec;
  const { backups } = await survey.catalog();
  const usable = backups.filter(entry => whyNotUsed(entry, policy) === undefined);
  const geometry = await survey.geometry();
  if (geometry === undefined) return undefined;
  return await surveyAround(survey, withLineage(usable.map(({ record }) => record)), geometry);
}

/** The survey with these backups, for a plan or for what could be planned. */
export async function surveyAround(
  survey: SystemSurvey,
  backups: readonly BackupRecord[],
  geometry: WalGeometry,
): Promise<RestoreSurvey> {
  // A history is archived before the WAL of its timeline: read after it, none of these lacks its history.
  const { runs } = await survey.wal(geometry);
  return {
    backups,
    geometry,
    ...(await survey.timelines()),
    runs,
    lost: await survey.missingWal(geometry),
    known: await survey.knownWal(geometry),
    acknowledged: await survey.acknowledgedGaps(geometry),
  };
}

/** Anybody who can add records can add very many. */
const mostNamed = 10;

async function usableBackups(
  survey: SystemSurvey,
  { verifySignatures, backupId, log }: SurveyOptions,
): Promise<BackupRecord[]> {
  const catalog = await survey.catalog();
  const unusable = new Map(catalog.unreadable.map(({ id, problem }) => [id, problem]));
  const usable: BackupRecord[] = [];
  for (const entry of catalog.backups) {
    const problem = whyNotUsed(entry, verifySignatures);
    if (problem === undefined) usable.push(entry.record);
    else unusable.set(entry.record.id, problem);
  }
  const complete = withLineage(usable);
  for (const { id, parent } of usable.filter(record => !complete.includes(record)))
    unusable.set(
      id,
      `it builds on ${parent ?? 'a backup without a name'}, which is not here or cannot be used`,
    );
  const wanted = backupId === undefined ? undefined : unusable.get(backupId);
  if (wanted !== undefined) throw cannotUse(`backup ${backupId} cannot be used: ${wanted}`);
  // The survey has told how many there are.
  for (const [id, problem] of [...unusable].slice(0, mostNamed)) {
    if (complete.length === 0) throw cannotUse(`no backup can be used: ${id} ${problem}`);
    log.emit({ kind: 'backup-left-out', backup: id, problem });
  }
  if (complete.length === 0) throw noBackup(survey);
  const unproven = catalog.backups.find(
    ({ record, verdict }) => verdict.status !== 'good' && complete.includes(record),
  );
  if (unproven !== undefined && verifySignatures === 'warn')
    log.emit({
      kind: 'backup-unproven',
      backup: unproven.record.id,
      problem: describeVerdict(unproven.verdict),
    });
  return complete;
}

function cannotUse(message: string): WalvaultError {
  return new WalvaultError('damaged', message, {
    hint: 'Name the public signing keys of your hosts in signing.trusted-signers; what none of them signed was not written by them.',
  });
}

function noBackup({ repository, system }: SystemSurvey): WalvaultError {
  return new WalvaultError(
    'not-found',
    `${repository.store.url}: no backup of cluster "${system.cluster}" (system ${system.systemId})`,
    { hint: '`walvault backup` takes one; `walvault list` shows what is there.' },
  );
}

/**
 * The PostgreSQL system to restore: the only one with backups. After an upgrade a cluster name has two.
 * @throws WalvaultError `not-found`, or `usage` when the system must be named
 */
export async function chooseSystem(
  repository: Repository,
  cluster: string,
  wanted: { readonly systemId: bigint | undefined; readonly backupId: string | undefined },
  signal: AbortSignal,
): Promise<SystemSurvey> {
  const surveyOf = (systemId: bigint) => surveySystem(repository, { cluster, systemId }, signal);
  if (wanted.systemId !== undefined) return surveyOf(wanted.systemId);
  const ids = await listSystemIds(repository.store, cluster, signal);
  const [only, ...others] = ids.map(surveyOf);
  if (only === undefined) await refuseUnknownCluster([repository], cluster, signal);
  if (only === undefined)
    throw new WalvaultError('not-found', `${repository.store.url}: nothing of cluster "${cluster}"`, {
      hint: 'Is `cluster` in the configuration the name it was archived under?',
    });
  if (others.length === 0) return only;
  const described: string[] = [];
  const withBackups: SystemSurvey[] = [];
  for (const survey of [only, ...others]) {
    const backups = await survey.believedBackups();
    if (backups.some(({ record }) => record.id === wanted.backupId)) return survey;
    if (backups.length === 0) continue;
    withBackups.push(survey);
    const major = Math.floor((backups[0]?.record.serverVersion ?? 0) / 10_000);
    described.push(`${survey.system.systemId} (PostgreSQL ${major})`);
  }
  const [single] = withBackups;
  if (single === undefined || withBackups.length === 1) return single ?? only;
  throw new WalvaultError('usage', `cluster "${cluster}" has backups of several PostgreSQL systems`, {
    hint: `Choose one with --system-id: ${described.join(', ')}.`,
  });
}
