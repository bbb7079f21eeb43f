/** The PostgreSQL system whose WAL a fetch asks for. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { reachedIn, readControlFile, type Reached } from '../../postgres/cluster/control-file.ts';
import { findDataDirectory } from '../../postgres/cluster/find-data-directory.ts';
import { recoveryModeOfAsking, type RecoveryMode } from '../../postgres/cluster/signal-files.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { listSystemIds, readClusterRecord } from '../../repository/format/cluster-record.ts';
import type { SystemPath } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';

export interface TargetSystemOptions {
  readonly cluster: string;
  readonly destination: string;
  readonly dataDirectory: string | undefined;
  /** The value of `--system-id`, for a fetch outside any data directory. */
  readonly systemId: bigint | undefined;
  readonly repositories: readonly Repository[];
  readonly signal: AbortSignal;
}

export interface TargetSystem {
  /** The kind of recovery that the asking server is in, by the signal files of its data directory. */
  readonly mode: RecoveryMode;
  readonly system: SystemPath;
  readonly geometry: WalGeometry;
  /** The places that this server has reached, by its `pg_control`. */
  readonly reached: readonly Reached[];
}

/**
 * Reads the system from `global/pg_control`. Outside a data directory the system comes from the archive: the system
 * that `--system-id` names, or the only system of the cluster.
 */
export async function findTargetSystem(options: TargetSystemOptions): Promise<TargetSystem> {
  const { cluster, signal } = options;
  const mode = recoveryModeOfAsking(options.destination);
  const dataDirectory = findDataDirectory({
    workingDirectory: process.cwd(),
    walPath: options.destination,
    configured: options.dataDirectory,
  });
  if (dataDirectory !== undefined && options.systemId === undefined) {
    const control = await readControlFile(dataDirectory, signal);
    const { systemId, geometry } = control;
    return { mode, system: { cluster, systemId }, geometry, reached: reachedIn(control) };
  }
  const [repository] = options.repositories;
  if (repository === undefined) throw new WalvaultError('config', 'no repository is configured');
  const system = { cluster, systemId: options.systemId ?? (await onlySystem(repository, cluster, signal)) };
  const record = await readClusterRecord(repository.store, system, signal);
  if (record === undefined)
    throw new WalvaultError(
      'not-found',
      `${repository.store.url}: system ${system.systemId} of cluster "${cluster}" is not archived here`,
    );
  return { mode, system, geometry: record.geometry, reached: [] };
}

async function onlySystem(repository: Repository, cluster: string, signal: AbortSignal): Promise<bigint> {
  const ids = await listSystemIds(repository.store, cluster, signal);
  const [only] = ids;
  if (only !== undefined && ids.length === 1) return only;
  throw new WalvaultError(
    'usage',
    ids.length === 0
      ? `${repository.store.url}: nothing is archived for cluster "${cluster}"`
      : `${repository.store.url}: cluster "${cluster}" has had several systems: ${ids.join(', ')}`,
    { hint: 'Run fetch from the data directory, or say which system with --system-id.' },
  );
}
