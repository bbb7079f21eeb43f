/**
 * The WAL that was given up since the previous backup (docs/queue-limit.md): recovery is possible again from the
 * first backup after a gap.
 */
import { startDeadline } from '../../../base/time/deadline.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { parseWalFileName } from '../../../postgres/wal/file-name.ts';
import type { WalGeometry } from '../../../postgres/wal/geometry.ts';
import { contains, describe, nameRange, type NamedRange } from '../../../postgres/wal/segment-range.ts';
import type { SystemPath } from '../../../repository/format/layout.ts';
import { deliverLossRecords, foldRecords } from '../../../repository/wal/deliver-loss-records.ts';
import { readLossRecords } from '../../../repository/wal/loss-records.ts';
import { boundsOf, describeLoss } from '../../../repository/wal/lost-wal.ts';
import type { Repository } from '../../../repository/repository.ts';
import { surveySystem } from '../../../repository/survey.ts';
import type { Log } from '../../../observe/events/events.ts';
import { toPlainError } from '../../../base/errors/plain-error.ts';

export interface LossContext {
  readonly system: SystemPath;
  readonly dataDirectory: string;
  readonly geometry: WalGeometry;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface LostSinceBackup extends NamedRange {
  readonly repository: string;
  /** The id of the last backup before the gap: no recovery from it reaches the new backup. */
  readonly previousBackup: string | undefined;
  /** When, where and why the WAL was given up, in one line. */
  readonly description: string;
}

const deliveryTimeoutMs = 60_000;

/**
 * Writes this host's losses into the repositories, and warns of every gap since the previous backup in each of them.
 * An error in this look-up does not make the backup fail: the backup is still worth more than none.
 */
export async function lossesSinceBackup(
  repositories: readonly Repository[],
  context: LossContext & { readonly all: readonly Repository[] },
): Promise<LostSinceBackup[]> {
  const { system, dataDirectory, all, log } = context;
  const deadline = startDeadline(deliveryTimeoutMs, 'looking for WAL that was given up', context.signal);
  const { signal } = deadline;
  const found: LostSinceBackup[] = [];
  try {
    await deliverLossRecords({ dataDirectory, cluster: system.cluster, repositories: all, log, signal });
    for (const repository of repositories)
      found.push(...(await lossesIn(repository, { ...context, signal })));
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof WalvaultError)) throw error;
    log.emit({ kind: 'wal-losses-unknown', failure: toPlainError(error) });
  } finally {
    deadline.clear();
  }
  for (const lost of found) log.emit({ kind: 'wal-lost-since-backup', ...lost });
  return found;
}

async function lossesIn(
  repository: Repository,
  { system, geometry, signal }: LossContext,
): Promise<LostSinceBackup[]> {
  const survey = surveySystem(repository, system, signal);
  const missing = await survey.missingWal(geometry);
  if (missing.length === 0) return [];
  const records = (await survey.catalog()).backups.map(({ record }) => record);
  return missing.flatMap(lost => {
    const { before, beyond } = boundsOf(lost, records, geometry);
    if (beyond !== undefined) return [];
    return [
      {
        repository: repository.name,
        ...nameRange(lost, geometry),
        previousBackup: before?.id,
        description: `${describe(lost, geometry)} was ${describeLoss(lost)}`,
      },
    ];
  });
}

/**
 * The reason why a segment that a backup waits for will never arrive, from this host's records and the repository's
 * notes.
 */
export async function whyLost(
  repository: Repository,
  name: string,
  { system, dataDirectory, geometry, log, signal }: LossContext,
): Promise<string | undefined> {
  const file = parseWalFileName(name);
  if (file?.kind !== 'segment') return undefined;
  const recorded = foldRecords(await readLossRecords(dataDirectory, log))
    .filter(({ systemId }) => systemId === system.systemId)
    .flatMap(({ losses }) => losses);
  const noted = await surveySystem(repository, system, signal).lostWal(geometry);
  const position = geometry.positionOf(file);
  const lost = [...recorded, ...noted].find(range => contains(range, position));
  return lost && describeLoss(lost);
}
