/** Reads what a repository has to restore from: listings and catalogue only, no private key. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { warn, type Log } from '../../base/log.ts';
import type { BackupRecord, CatalogEntry } from '../../repository/format/backup-record.ts';
import { readCatalog } from '../../repository/format/backup-record.ts';
import { listSystemIds, readClusterRecord } from '../../repository/format/cluster-record.ts';
import { describeVerdict } from '../../repository/encoding/codec.ts';
import { stillMissing } from '../../repository/format/notes/lost-wal.ts';
import { readLostWal } from '../../repository/wal/read-lost-wal.ts';
import { parseWalKey, timelinesPrefix, type SystemPath } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';
import { readTimelineTree } from '../../repository/wal/timelines.ts';
import { listWalRuns } from '../../repository/wal/listing.ts';
import type { RestoreSurvey } from './plan.ts';

export type SignaturePolicy = 'require' | 'warn' | 'off';

export interface SurveyOptions {
  readonly system: SystemPath;
  readonly verifySignatures: SignaturePolicy;
  /** The backup that was asked for: if it cannot be used, that is an error and not a warning. */
  readonly backupId: string | undefined;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** @throws WalvaultError `damaged` when the named backup, or every backup, cannot be trusted or read */
export async function surveyArchive(repository: Repository, options: SurveyOptions): Promise<RestoreSurvey> {
  const { system, signal } = options;
  const backups = await usableBackups(repository, options);
  const cluster = await readClusterRecord(repository.store, system, signal);
  const segmentSizeBytes = backups[0]?.segmentSizeBytes ?? cluster?.segmentSizeBytes;
  if (segmentSizeBytes === undefined) throw noBackup(repository, system);
  const runs = await listWalRuns(repository, system, segmentSizeBytes, signal);
  return {
    backups,
    segmentSizeBytes,
    tree: await readTimelineTree(repository, system, signal),
    runs,
    lost: stillMissing(await readLostWal(repository, system, segmentSizeBytes, signal), runs),
    historyTimes: await historyTimes(repository, system, signal),
  };
}

async function usableBackups(
  repository: Repository,
  { system, verifySignatures, backupId, log, signal }: SurveyOptions,
): Promise<BackupRecord[]> {
  const catalog = await readCatalog(repository, system, signal);
  const unusable = new Map(catalog.unreadable.map(({ id, problem }) => [id, problem]));
  const usable: BackupRecord[] = [];
  for (const entry of catalog.backups) {
    const problem = problemOf(entry, verifySignatures);
    if (problem === undefined) usable.push(entry.record);
    else unusable.set(entry.record.id, problem);
  }
  const wanted = backupId === undefined ? undefined : unusable.get(backupId);
  if (wanted !== undefined) throw cannotUse(`backup ${backupId} cannot be used: ${wanted}`);
  for (const [id, problem] of unusable) {
    if (usable.length === 0) throw cannotUse(`no backup can be used: ${id} ${problem}`);
    warn(log, `backup ${id} is left out: ${problem}`);
  }
  if (usable.length === 0) throw noBackup(repository, system);
  const unproven = catalog.backups.find(
    ({ record, verdict }) => verdict.status !== 'good' && usable.includes(record),
  );
  if (unproven !== undefined && verifySignatures === 'warn')
    warn(log, `the commit record of backup ${unproven.record.id} ${describeVerdict(unproven.verdict)}`);
  return usable;
}

function problemOf({ record, verdict }: CatalogEntry, policy: SignaturePolicy): string | undefined {
  const isRefused =
    policy !== 'off' && (verdict.status === 'bad' || (policy === 'require' && verdict.status !== 'good'));
  if (isRefused) return `its commit record ${describeVerdict(verdict)}`;
  return record.type === 'incremental' ? 'it is incremental, which this version does not restore' : undefined;
}

function cannotUse(message: string): WalvaultError {
  return new WalvaultError('damaged', message, {
    hint: 'Name the public signing keys of your hosts in signing.trusted-signers; what none of them signed was not written by them.',
  });
}

function noBackup(repository: Repository, system: SystemPath): WalvaultError {
  return new WalvaultError(
    'not-found',
    `${repository.store.url}: no backup of cluster "${system.cluster}" (system ${system.systemId})`,
    { hint: '`walvault backup` takes one; `walvault list` shows what is there.' },
  );
}

async function historyTimes(
  repository: Repository,
  system: SystemPath,
  signal: AbortSignal,
): Promise<Map<number, Date>> {
  const times = new Map<number, Date>();
  for await (const entry of repository.store.list({ prefix: timelinesPrefix(system), signal })) {
    if ('prefix' in entry) continue;
    const parsed = parseWalKey(entry.key);
    if (parsed?.kind === 'file' && parsed.file.kind === 'history')
      times.set(parsed.file.timeline, entry.modified);
  }
  return times;
}

/**
 * The PostgreSQL system to restore: the only one with backups. After an upgrade a cluster name has two.
 * @throws WalvaultError `not-found`, or `usage` when it must be named
 */
export async function chooseSystem(
  repository: Repository,
  cluster: string,
  wanted: { readonly systemId: bigint | undefined; readonly backupId: string | undefined },
  signal: AbortSignal,
): Promise<SystemPath> {
  if (wanted.systemId !== undefined) return { cluster, systemId: wanted.systemId };
  const ids = await listSystemIds(repository.store, cluster, signal);
  const [only, ...others] = ids;
  if (only === undefined)
    throw new WalvaultError('not-found', `${repository.store.url}: nothing of cluster "${cluster}"`, {
      hint: 'Is `cluster` in the configuration the name it was archived under?',
    });
  if (others.length === 0) return { cluster, systemId: only };
  const described: string[] = [];
  const withBackups: bigint[] = [];
  for (const systemId of ids) {
    const { backups } = await readCatalog(repository, { cluster, systemId }, signal);
    if (backups.some(({ record }) => record.id === wanted.backupId)) return { cluster, systemId };
    if (backups.length === 0) continue;
    withBackups.push(systemId);
    described.push(
      `${systemId} (PostgreSQL ${Math.floor((backups[0]?.record.serverVersion ?? 0) / 10_000)})`,
    );
  }
  const [single] = withBackups;
  if (single !== undefined && withBackups.length === 1) return { cluster, systemId: single };
  if (single === undefined) return { cluster, systemId: only };
  throw new WalvaultError('usage', `cluster "${cluster}" has backups of several PostgreSQL systems`, {
    hint: `Choose one with --system-id: ${described.join(', ')}.`,
  });
}
