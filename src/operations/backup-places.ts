/** The repositories that have a backup, for verbs that name one by its id. */
import { WalvaultError } from '../base/errors/errors.ts';
import { isBackupId } from '../repository/format/backup-record.ts';
import { listSystemIds } from '../repository/format/cluster-record.ts';
import { backupPrefix, commitRecordKey, type SystemPath } from '../repository/format/layout.ts';
import { verifyMarker } from '../repository/format/marker.ts';
import { refuseUnknownCluster } from '../repository/known-cluster.ts';
import type { Repository } from '../repository/repository.ts';
import type { Store } from '../stores/store.ts';

export interface BackupPlace {
  readonly repository: Repository;
  readonly system: SystemPath;
}

/** The failure of one repository of several; the others were worked on. */
export interface RepositoryFailure {
  readonly repository: string;
  readonly error: WalvaultError;
}

export interface FoundPlaces {
  readonly places: readonly BackupPlace[];
  /** Names of the repositories that do not have it. */
  readonly without: readonly string[];
  readonly failures: readonly RepositoryFailure[];
}

export interface SoughtBackup {
  readonly cluster: string;
  readonly id: string;
  /** Backups without a commit record count, too. */
  readonly orUnfinished?: boolean;
  readonly signal: AbortSignal;
}

/**
 * Looks for the backup in each repository. One that cannot be read is among the failures.
 * @throws WalvaultError `usage` for text that is no backup's id, `not-found` if every repository could be read and none has it
 */
export async function findBackupPlaces(
  repositories: readonly Repository[],
  sought: SoughtBackup,
): Promise<FoundPlaces> {
  const { cluster, id, signal } = sought;
  requireBackupId(id);
  const places: BackupPlace[] = [];
  const without: string[] = [];
  const failures: RepositoryFailure[] = [];
  for (const repository of repositories) {
    try {
      const system = await systemOf(repository, sought);
      if (system === undefined) without.push(repository.name);
      else places.push({ repository, system });
    } catch (error) {
      failures.push(failureIn(repository, error));
    }
    signal.throwIfAborted();
  }
  if (places.length === 0 && failures.length === 0) {
    await refuseUnknownCluster(repositories, cluster, signal);
    throw noSuchBackup(id);
  }
  return { places, without, failures };
}

/** @throws WalvaultError `usage` */
export function requireBackupId(id: string): void {
  if (isBackupId(id)) return;
  throw new WalvaultError('usage', `"${id}" is not the id of a backup`, {
    hint: '`walvault list` shows them.',
  });
}

export function noSuchBackup(id: string): WalvaultError {
  return new WalvaultError('not-found', `there is no backup ${id}`, {
    hint: '`walvault list` shows those that there are; one that is being taken is not among them yet.',
  });
}

async function systemOf(
  repository: Repository,
  { cluster, id, orUnfinished = false, signal }: SoughtBackup,
): Promise<SystemPath | undefined> {
  const { store } = repository;
  await verifyMarker(repository, signal);
  for (const systemId of await listSystemIds(store, cluster, signal)) {
    const system = { cluster, systemId };
    if ((await store.head(commitRecordKey(system, id), { signal })) !== undefined) return system;
    if (orUnfinished && (await hasAny(store, backupPrefix(system, id), signal))) return system;
  }
  return undefined;
}

async function hasAny(store: Store, prefix: string, signal: AbortSignal): Promise<boolean> {
  for await (const entry of store.list({ prefix, signal })) if ('key' in entry) return true;
  return false;
}

/** The failure of one repository. @throws the error itself if it is none of walvault's own kind */
export function failureIn({ name }: { readonly name: string }, error: unknown): RepositoryFailure {
  if (!(error instanceof WalvaultError)) throw error;
  return { repository: name, error };
}

/** The one error for all failures, which names their repositories. Undefined without any. */
export function failureOfSome(
  verb: string,
  failures: readonly RepositoryFailure[],
): WalvaultError | undefined {
  const [first, ...others] = failures;
  if (first === undefined) return undefined;
  const described = failures.map(({ repository, error }) => `repository "${repository}": ${error.message}`);
  const { code, hint, retry } = first.error;
  return new WalvaultError(others.length === 0 ? code : 'check-failed', `${verb}: ${described.join('; ')}`, {
    hint,
    retry,
    cause: first.error,
  });
}
