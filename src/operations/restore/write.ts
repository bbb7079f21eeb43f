/**
 * The writing half of a restore: prepares the directories, unpacks the backup into them and finishes the copy. If
 * that fails, the directories are emptied again.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { localIoError, systemCode } from '../../base/errors/errors.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';
import type { Log } from '../../observe/events/events.ts';
import { backupManifestName } from '../../postgres/cluster/backup-manifest.ts';
import type { RecoverySettings } from '../../postgres/cluster/recovery-settings.ts';
import type { ReplayMinimums } from '../../postgres/wal/replay-minimums.ts';
import type { SystemPath } from '../../repository/format/layout.ts';
import { restoredBytesOf, type BackupRecord } from '../../repository/format/backup-record.ts';
import type { Repository } from '../../repository/repository.ts';
import { accessModeOf, type AccessMode } from './access-mode.ts';
import { removeMarker, writeMarker } from './delta/marker.ts';
import { prepareDirectory, removeWritten, requireSpace, type PreparedDirectory } from './destination.ts';
import { finish, type Finished } from './finish.ts';
import type { RestoreOptions } from './options.ts';
import { isLeftOutBy, type ChosenDatabases } from './only-databases/choose-databases.ts';
import { writePlaceholders } from './only-databases/write-placeholders.ts';
import type { RestorePlan } from './plan.ts';
import type { TablespaceTarget } from './tablespaces.ts';
import { unpackLineage, verifyLineage } from './unpack-lineage.ts';
import { linkWalDirectory, walSpace } from './wal-directory.ts';

export interface WriteOptions extends RestoreOptions {
  readonly repository: Repository;
  readonly system: SystemPath;
  readonly plan: RestorePlan;
  /** The planned backup, and before it those that it builds on, the full one first. */
  readonly lineage: readonly BackupRecord[];
  /** Undefined: all. */
  readonly databases: ChosenDatabases | undefined;
  readonly tablespaces: readonly TablespaceTarget[];
  readonly settings: RecoverySettings;
  readonly minimumsOnTheWay: ReplayMinimums | undefined;
}

/**
 * Writes the planned restore.
 * @throws WalvaultError `destination`, `damaged`, `unreachable`, `local-io` and others, after the written files have been
 *   removed
 */
export async function write(options: WriteOptions): Promise<Finished> {
  const { directory, walDirectory, log, signal } = options;
  const accessMode = accessModeOf(options.accessMode, options.plan.backup.dataDirectoryMode);
  const prepared: PreparedDirectory[] = [];
  try {
    signal.throwIfAborted();
    const root = await prepareDirectory(directory, accessMode);
    prepared.push(root);
    if (options.delta !== undefined) await markNew(options, root.path);
    if (walDirectory !== undefined) {
      const wal = await prepareDirectory(walDirectory, accessMode);
      prepared.push(wal);
      await linkWalDirectory(root.path, wal.path);
    }
    for (const { directory, isInside } of options.tablespaces)
      if (!isInside) prepared.push(await prepareDirectory(directory, accessMode));
    const finished = await writeFiles(options, { dataDirectory: root.path, accessMode });
    if (options.delta !== undefined) await removeMarker(root.path);
    return finished;
  } catch (error) {
    await tidyUp(prepared, log);
    throw systemCode(error) === undefined ? error : localIoError('write into', directory, error);
  }
}

/** A delta restore into a new directory that is killed is completed by the next one. */
async function markNew({ plan, tablespaces }: WriteOptions, dataDirectory: string): Promise<void> {
  const { systemId, id } = plan.backup;
  const own = new Map(tablespaces.map(({ oid, directory }) => [oid, directory]));
  await writeMarker(dataDirectory, { systemId, backup: id, tablespaces: own });
}

async function writeFiles(
  options: WriteOptions,
  { dataDirectory, accessMode }: { readonly dataDirectory: string; readonly accessMode: AccessMode },
): Promise<Finished> {
  const { plan, tablespaces, databases, log } = options;
  const record = plan.backup;
  const sizeBytes = restoredBytesOf(record);
  log.emit({ kind: 'restore-started', backup: record.id, sizeBytes, dataDirectory });
  const leavesOut = databases && isLeftOutBy(databases);
  await using verified = await verifyLineage({ ...options, leavesOut, spoolDirectory: dataDirectory });
  if (databases !== undefined)
    log.emit({
      kind: 'databases-left-out',
      count: databases.leftOut.length,
      sizeBytes: verified.totalBytes,
    });
  const elsewhere = tablespaces.map(({ oid, directory }) => ({
    directory,
    sizeBytes: verified.tablespaceBytes(oid),
  }));
  const elsewhereBytes = elsewhere.reduce((total, one) => total + one.sizeBytes, 0);
  await requireSpace([
    { directory: dataDirectory, sizeBytes: Math.max(0, verified.totalBytes - elsewhereBytes) },
    ...elsewhere,
    walSpace(options, plan),
  ]);
  for (const tablespace of tablespaces)
    if (tablespace.isInside) await mkdir(tablespace.directory, { recursive: true, mode: 0o700 });
  const places = {
    dataDirectory,
    tablespaces: tablespaces.map(({ oid, directory }) => ({ oid, directory })),
  };
  await unpackLineage({ ...options, verified, places });
  if (databases !== undefined) {
    await writePlaceholders(verified.manifests, { ...options, places });
    // It would say of these files what they are no longer.
    await rm(join(dataDirectory, backupManifestName), { force: true });
  }
  return await finish({ ...options, dataDirectory, record, accessMode, choices: options });
}

async function tidyUp(prepared: readonly PreparedDirectory[], log: Log): Promise<void> {
  try {
    await removeWritten(prepared);
    if (prepared.length > 0) log.emit({ kind: 'restore-undone' });
  } catch (error) {
    const directories = prepared.map(({ path }) => path);
    log.emit({ kind: 'restore-not-undone', directories, failure: toPlainError(error) });
  }
}
