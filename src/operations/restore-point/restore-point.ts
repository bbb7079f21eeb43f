/** `walvault restore-point`: makes a restore point on the primary, and notes it in each repository. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { connectPostgres, type PgConnection } from '../../postgres/server/connection.ts';
import { createRestorePoint } from '../../postgres/server/restore-point.ts';
import { currentTimeline, readServerState, type ServerState } from '../../postgres/server/state.ts';
import { formatLsn } from '../../postgres/wal/lsn.ts';
import { readClusterRecord } from '../../repository/format/cluster-record.ts';
import type { SystemPath } from '../../repository/format/layout.ts';
import { verifyMarker } from '../../repository/format/marker.ts';
import { writeNote } from '../../repository/format/notes/note.ts';
import { restorePointNote, type NotedRestorePoint } from '../../repository/format/notes/restore-point.ts';
import type { Repository } from '../../repository/repository.ts';
import { surveySystem } from '../../repository/survey.ts';
import { failureIn, failureOfSome, type RepositoryFailure } from '../backup-places.ts';
import { requireArchiving } from '../require-archiving.ts';
import { checkRestorePointName } from '../restore-point-name.ts';
import type { RestorePointOptions, RestorePointResult } from './options.ts';

/**
 * A repository that fails keeps neither the restore point from being made nor the others from noting it.
 * @throws WalvaultError `usage` for a name that PostgreSQL does not take, `refused` on a standby and for a name that is
 *   taken, `postgres`; the failure of the repositories if all of them fail before the restore point is made
 */
export async function makeRestorePoint(options: RestorePointOptions): Promise<RestorePointResult> {
  const { config, name, by, env, signal } = options;
  checkRestorePointName(name);
  const connection = await connectPostgres({
    connectionString: config.postgres.connection,
    applicationName: 'walvault restore-point',
    env,
    signal,
  });
  try {
    const state = await readServerState(connection);
    requirePrimary(state);
    requireArchiving(state);
    const system = { cluster: config.cluster, systemId: state.systemId };
    const { usable, failures } = await lookUp(options, system);
    const point = { name, ...(await make(connection, name)), ...by };
    const notedIn: string[] = [];
    const failed = [...failures];
    for (const repository of usable) {
      try {
        await writeNote(repository, system, restorePointNote(point), signal);
        notedIn.push(repository.name);
      } catch (error) {
        failed.push(failureIn(repository, error));
      }
    }
    return {
      systemId: system.systemId,
      point: { ...point, lsn: formatLsn(point.lsn) },
      notedIn,
      failures: failed,
    };
  } finally {
    await connection.close();
  }
}

function requirePrimary({ isStandby }: ServerState): void {
  if (!isStandby) return;
  throw new WalvaultError('refused', 'restore-point: the server is a standby, which writes no WAL', {
    hint: 'Run it on the primary, or set postgres.connection to it.',
  });
}

async function make(connection: PgConnection, name: string) {
  const { lsn, madeAt } = await createRestorePoint(connection, name);
  return { lsn, madeAt, timeline: await currentTimeline(connection, false) };
}

interface LookedUp {
  /** The repositories that can take a note. */
  readonly usable: readonly Repository[];
  readonly failures: readonly RepositoryFailure[];
}

/** @throws WalvaultError `refused` for a name that is taken; the failure if there is no usable repository */
async function lookUp(
  { repositories, name, allowsDuplicate, signal }: RestorePointOptions,
  system: SystemPath,
): Promise<LookedUp> {
  const usable: Repository[] = [];
  const failures: RepositoryFailure[] = [];
  for (const repository of repositories) {
    try {
      const points = await readPoints(repository, system, signal);
      const same = points.find(point => point.name === name);
      if (same !== undefined && !allowsDuplicate) throw taken(same);
      usable.push(repository);
    } catch (error) {
      if (error instanceof WalvaultError && error.code === 'refused') throw error;
      failures.push(failureIn(repository, error));
    }
    signal.throwIfAborted();
  }
  const failure = failureOfSome('restore-point', failures);
  if (usable.length === 0 && failure !== undefined) throw failure;
  return { usable, failures };
}

async function readPoints(
  repository: Repository,
  system: SystemPath,
  signal: AbortSignal,
): Promise<NotedRestorePoint[]> {
  await verifyMarker(repository, signal);
  if ((await readClusterRecord(repository.store, system, signal)) === undefined)
    throw new WalvaultError(
      'not-found',
      `${repository.store.url}: nothing of cluster "${system.cluster}", system ${system.systemId}, is here`,
      { hint: 'Is this the server that archives there? A new one is known from its first push on.' },
    );
  return await surveySystem(repository, system, signal).restorePoints();
}

function taken({ name, madeAt, timeline, lsn }: NotedRestorePoint): WalvaultError {
  return new WalvaultError(
    'refused',
    `there is a restore point "${name}" already, made ${madeAt.toISOString()} at ${formatLsn(lsn)} on timeline ${timeline}`,
    {
      hint: 'A recovery stops at the first of two that it meets. Choose another name, or give --allow-duplicate.',
    },
  );
}
