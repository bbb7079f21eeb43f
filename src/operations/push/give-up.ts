/**
 * Giving up a segment, the documented exception to P1 (docs/queue-limit.md). Over `archive.queue-limit`, push gives up a
 * segment that a required repository could not take, so that the server goes on. The loss record is durable on this host before push
 * returns, and reaches the repositories with the next push that succeeds.
 */
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { startDeadline } from '../../base/time/deadline.ts';
import { orAborted } from '../../base/time/wait.ts';
import { messageOf, systemCode, WalvaultError } from '../../base/errors/errors.ts';
import { ArchiveStatus } from '../../postgres/cluster/archive-status.ts';
import { deliverLossRecords } from '../../repository/wal/deliver-loss-records.ts';
import { recordLoss } from '../../repository/wal/loss-records.ts';
import type { Repository } from '../../repository/repository.ts';
import type { PushOptions } from './options.ts';
import { isOutage } from './outage.ts';
import { isExpendable, waitingSegments, type QueueState } from './queue-limit.ts';
import type { WalSource } from './wal-source.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';

export interface Queue extends QueueState {
  readonly segmentCount: number;
}

export interface Undelivered {
  readonly repository: Repository;
  readonly reason: unknown;
}

/** The state of the queue. Undefined unless push must give up this segment if it cannot archive it now. */
export async function readQueue(
  options: PushOptions,
  { file, control }: Pick<WalSource, 'file' | 'control'>,
): Promise<Queue | undefined> {
  const { queueLimitBytes: limitBytes, isMissingRun, asConflict, path } = options;
  if (limitBytes === undefined || isMissingRun === true || asConflict === true) return undefined;
  const waiting = waitingSegments(await readReady(dirname(resolve(path))), file.name);
  const backlogBytes = waiting.count * control.geometry.segmentSizeBytes;
  const queue = { backlogBytes, limitBytes, segmentCount: waiting.count };
  return isExpendable(file, waiting, queue) ? queue : undefined;
}

async function readReady(walDirectory: string): Promise<readonly string[]> {
  try {
    return (await new ArchiveStatus(walDirectory).read()).ready;
  } catch (error) {
    // An unreadable directory belongs to the server of another user, which does not wait for this file.
    if (systemCode(error) === 'EACCES') return [];
    throw error;
  }
}

/**
 * Records the loss of a segment.
 * @returns true once the record is durable on this host; false if the failures are no outage or the record cannot be
 *   written: then push fails as it does without a limit
 */
export async function giveUp(
  { log }: Pick<PushOptions, 'log'>,
  { file, control, dataDirectory }: Pick<WalSource, 'file' | 'control' | 'dataDirectory'>,
  { backlogBytes, limitBytes, segmentCount }: Queue,
  undelivered: readonly Undelivered[],
): Promise<boolean> {
  if (!undelivered.every(({ repository, reason }) => isOutage(repository, reason))) return false;
  const reason = undelivered
    .map(({ repository, reason: why }) => `repository "${repository.name}": ${messageOf(why)}`)
    .join('; ');
  const { systemId, geometry } = control;
  const { segmentSizeBytes } = geometry;
  const loss = { systemId, segment: file.name, segmentSizeBytes, backlogBytes, limitBytes, reason };
  try {
    await recordLoss(dataDirectory, { ...loss, time: new Date(), host: hostname() });
  } catch (error) {
    if (!(error instanceof WalvaultError) && systemCode(error) === undefined) throw error;
    log.emit({ kind: 'giving-up-not-recorded', file: file.name, failure: toPlainError(error) });
    return false;
  }
  log.emit({ kind: 'segment-given-up', file: file.name, segmentCount, backlogBytes, limitBytes, reason });
  return true;
}

/** Delivering loss records after a successful push may not take long, and never makes the push fail. */
const deliveryTimeoutMs = 10_000;

/** Sends the loss records of this host, if it has any, to the repositories. */
export async function deliverLosses(
  options: Pick<PushOptions, 'cluster' | 'repositories' | 'log' | 'signal'>,
  dataDirectory: string,
): Promise<void> {
  const deadline = startDeadline(deliveryTimeoutMs, 'noting WAL that was given up', options.signal);
  try {
    const { cluster, repositories, log } = options;
    const { signal } = deadline;
    await orAborted(deliverLossRecords({ dataDirectory, cluster, repositories, log, signal }), signal);
  } catch (error) {
    if (!(error instanceof WalvaultError)) throw error;
    options.log.emit({ kind: 'losses-not-delivered', failure: toPlainError(error) });
  } finally {
    deadline.clear();
  }
}
