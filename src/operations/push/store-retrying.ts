/** One repository's part of a push: retried within the push's time, and what its failure says over `archive.queue-limit`. */
import { retryUntilDeadline } from '../../base/time/abort.ts';
import { monotonicMs } from '../../base/time/clock.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { startPatience, type RunningTime } from '../../base/time/running-time.ts';
import type { ControlFile } from '../../postgres/cluster/control-file.ts';
import { ensureClusterRecord } from '../../repository/format/cluster-record.ts';
import type { SystemPath } from '../../repository/format/layout.ts';
import { verifyMarker } from '../../repository/format/marker.ts';
import type { Repository } from '../../repository/repository.ts';
import { storeWalObject, type StoreOutcome, type WalObject } from '../../repository/wal/write-object.ts';
import { contactAttempts, contactTimeoutMs, HeldUp, isOutage, type QueueState } from './queue-limit.ts';
import type { RepositoryProofs } from './repository-proofs.ts';

export interface Storing {
  readonly system: SystemPath;
  readonly control: ControlFile;
  readonly encoded: Promise<WalObject>;
  readonly proofs: RepositoryProofs;
}

export interface TimeLimit {
  readonly signal: AbortSignal;
  /** Of `signal`, since the last progress. */
  readonly timeoutMs: number;
  /** By the clock of `monotonicMs`. */
  readonly lastRetryAt: number;
  /** What the repositories have had of it. */
  readonly storesTime: RunningTime;
  /** Set when it is over its limit: then a repository that is out of reach is not waited for. */
  readonly queue: QueueState | undefined;
}

/** @throws HeldUp over the limit of the queue, where the repository cannot be blamed */
export async function storeRetrying(
  repository: Repository,
  storing: Storing,
  limit: TimeLimit,
): Promise<StoreOutcome> {
  const { signal, lastRetryAt, queue } = limit;
  const contact: Contact = { queue, attempts: 0, hasAnswered: queue === undefined };
  try {
    return await retryUntilDeadline(() => storeInto(repository, storing, { signal, contact }), {
      signal,
      isRetryable: error =>
        error instanceof WalvaultError &&
        (contact.hasAnswered
          ? error.retry
          : contact.attempts < contactAttempts && isOutage(repository, error)) &&
        monotonicMs() < lastRetryAt,
    });
  } catch (error) {
    if (queue === undefined || !(error instanceof WalvaultError) || !error.retry) throw error;
    throw hadItsTime(contact, limit) ? error : new HeldUp(error);
  }
}

/** Else that it could not be reached, or did not get done, says nothing: the next push has a new time. */
function hadItsTime(
  { attempts, hasAnswered }: Contact,
  { signal, timeoutMs, storesTime }: TimeLimit,
): boolean {
  if (!hasAnswered && attempts === contactAttempts && !signal.aborted) return true;
  return (signal.aborted ? storesTime.msSinceMark : storesTime.ms) >= timeoutMs / 2;
}

interface Contact {
  readonly queue: QueueState | undefined;
  attempts: number;
  hasAnswered: boolean;
}

async function storeInto(
  repository: Repository,
  { system, control, encoded, proofs }: Storing,
  { signal, contact }: { readonly signal: AbortSignal; readonly contact: Contact },
): Promise<StoreOutcome> {
  const patienceFor = (queue: QueueState) =>
    startPatience(contactTimeoutMs(queue, contact.attempts), `repository "${repository.name}"`, signal);
  // The two small reads travel while the segment is being compressed.
  const prepare = async () => {
    const { queue } = contact;
    if (queue === undefined && proofs.holdFor(repository, control)) return;
    contact.attempts++;
    const patience = queue && !contact.hasAnswered ? patienceFor(queue) : undefined;
    try {
      await verifyMarker(repository, patience?.signal ?? signal);
      await ensureClusterRecord(repository.store, system, control, patience?.signal ?? signal);
      contact.hasAnswered = true;
      proofs.add(repository, control);
    } finally {
      patience?.clear();
    }
  };
  try {
    const [object] = await Promise.all([encoded, prepare()]);
    return await storeWalObject(repository, object, signal);
  } catch (error) {
    proofs.clear();
    throw error;
  }
}
