/**
 * `walvault cleanup --standby %r`, the archive_cleanup_command of a standby: removes the WAL that it has passed from the
 * repositories that serve it alone. All others belong to the retention policy, and are not touched.
 */
import { WalvaultError } from '../../../base/errors/errors.ts';
import type { Log } from '../../../observe/events/events.ts';
import { readControlFile } from '../../../postgres/cluster/control-file.ts';
import { parseWalFileName } from '../../../postgres/wal/file-name.ts';
import { verifyMarker } from '../../../repository/format/marker.ts';
import type { Repository } from '../../../repository/repository.ts';
import { surveySystem } from '../../../repository/survey.ts';
import { executePlan } from '../execute.ts';
import { gatherState } from '../gather.ts';
import { planStandbyCleanup } from './plan.ts';

export interface StandbyCleanupOptions {
  /** Those that serve this standby alone. */
  readonly repositories: readonly Repository[];
  readonly cluster: string;
  /** The name of the segment from which the standby would restart: `%r`. */
  readonly restartSegment: string;
  readonly dataDirectory: string;
  readonly isDryRun: boolean;
  readonly now: Date;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * @returns what could not be deleted, a line each
 * @throws WalvaultError `usage` for a name that is no segment's, `refused` for a standby that has not got so far;
 *   StoreError
 */
export async function cleanupStandby(options: StandbyCleanupOptions): Promise<string[]> {
  const { repositories, cluster, restartSegment, now, log, signal } = options;
  const file = parseWalFileName(restartSegment);
  if (file?.kind !== 'segment')
    throw new WalvaultError('usage', `"${restartSegment}" is not the name of a WAL segment`, {
      hint: "PostgreSQL gives it: archive_cleanup_command = 'walvault cleanup --standby %r'",
    });
  const control = await readControlFile(options.dataDirectory, signal);
  const restart = control.geometry.positionOf(file);
  const reached = control.geometry.segmentOf(control.redoLsn);
  if (restart.segment > reached)
    throw new WalvaultError(
      'refused',
      `${options.dataDirectory} restarts from ${control.geometry.nameOf(control.timeline, reached)}, which is before ${restartSegment}`,
      { hint: 'Nothing was removed: this standby still needs the WAL between the two.' },
    );
  const failures: string[] = [];
  for (const repository of repositories) {
    await verifyMarker(repository, signal);
    const system = { cluster, systemId: control.systemId };
    const state = await gatherState(surveySystem(repository, system, signal), now);
    const plan = planStandbyCleanup(state, restart);
    for (const { message, hint } of plan.remarks)
      log.emit({ kind: 'cleanup-in-doubt', repository: repository.name, problem: message, hint });
    if (options.isDryRun) continue;
    const removed = await executePlan({ repository, system, state, plan, now, log, signal });
    failures.push(...removed.failures);
  }
  return failures;
}
