/** What `archive.queue-limit` decides, from names and errors alone (docs/queue-limit.md). */
import { WalvaultError } from '../../base/errors/errors.ts';
import { parseWalFileName, type WalFileName } from '../../postgres/wal/file-name.ts';
import { MarkerMissing } from '../../repository/format/marker.ts';
import { RepositoryFailure, type Repository } from '../../repository/repository.ts';
import { StoreError, type StoreErrorKind } from '../../stores/store.ts';

export interface WaitingSegments {
  readonly count: number;
  /** The one asked for is among them and none that PostgreSQL would archive earlier: the only one that may be given up. */
  readonly isOldest: boolean;
}

/**
 * The segments among the files that are ready. PostgreSQL archives in the order of the names (ready_file_comparator in
 * pgarch.c). A file that it does not wait for, sent by hand or ahead of its turn, is not the oldest.
 */
export function waitingSegments(ready: readonly string[], name: string): WaitingSegments {
  const waiting = ready.filter(waitingName => parseWalFileName(waitingName)?.kind === 'segment');
  return {
    count: waiting.length,
    isOldest: waiting.includes(name) && waiting.every(other => other >= name),
  };
}

export interface QueueState {
  readonly backlogBytes: number;
  readonly limitBytes: number;
}

/** Over its limit, and this is the file to give up if it cannot be archived now. Only whole segments ever are. */
export function isExpendable(
  file: WalFileName,
  waiting: WaitingSegments,
  { backlogBytes, limitBytes }: QueueState,
): boolean {
  return file.kind === 'segment' && waiting.isOldest && backlogBytes > limitBytes;
}

const patientMs = 5000;
const impatientMs = 1000;

/** Over the limit a repository that has not answered is asked so often before the segment is given up. */
export const contactAttempts = 2;

/**
 * How long a repository may take for its first answer once the queue is over its limit, in the time in which this
 * process ran. At the full deadline for each segment of an outage a busy server would fill its disk all the same; too
 * short a time would take a slow store for one that is away. So it is short only when the queue goes on growing, and
 * for the last attempt, a fresh one that was not unlucky in the same way.
 */
export function contactTimeoutMs({ backlogBytes, limitBytes }: QueueState, attempt: number): number {
  return attempt === contactAttempts || backlogBytes > 2 * limitBytes ? impatientMs : patientMs;
}

/**
 * A failure that says nothing about the repository: this host was held up, or was slow itself, and left it too little
 * of the push's time.
 */
export class HeldUp extends WalvaultError {
  constructor(failure: WalvaultError) {
    super(failure.code, failure.message, {
      hint: 'The segment is not given up for this: the host stopped walvault, or was slow itself, and the repository may be well.',
      retry: true,
      cause: failure,
    });
  }
}

const outages: ReadonlySet<StoreErrorKind> = new Set<StoreErrorKind>([
  'unreachable',
  'throttled',
  'denied',
  'no-container',
  'local-io',
]);

/**
 * The store is away, full, or refuses: something that happens to a set-up that worked. A conflict, a wrong file, a key
 * or a setting does not, and would go on destroying the archive until somebody looked.
 */
export function isOutage({ expectedId }: Pick<Repository, 'expectedId'>, reason: unknown): boolean {
  const error = reason instanceof RepositoryFailure ? reason.failure : reason;
  if (error instanceof HeldUp) return false;
  if (error instanceof StoreError) return outages.has(error.kind);
  // Without a pinned id an empty place may be a wrong URL as well as a disk that is not mounted.
  if (error instanceof MarkerMissing) return expectedId !== undefined;
  return error instanceof WalvaultError && error.code === 'unreachable';
}
