/** What `archive.queue-limit` decides, from names and errors alone (docs/queue-limit.md). */
import { WalvaultError } from '../../base/errors.ts';
import { parseWalFileName, type WalFileName } from '../../postgres/wal/file-name.ts';
import { MarkerMissing } from '../../repository/marker.ts';
import { RepositoryFailure, type Repository } from '../../repository/repository.ts';
import { StoreError, type StoreErrorKind } from '../../stores/store.ts';

export interface WaitingSegments {
  readonly count: number;
  /** The one asked for is among them and none that PostgreSQL would archive earlier: the only one that may be given up. */
  readonly isOldest: boolean;
}

/**
 * The segments that have a `.ready` file. PostgreSQL archives in the order of the names (ready_file_comparator in
 * pgarch.c). A file that it does not wait for, sent by hand or ahead of its turn, is not the oldest.
 */
export function waitingSegments(statusNames: readonly string[], name: string): WaitingSegments {
  const waiting = statusNames
    .filter(status => status.endsWith('.ready'))
    .map(status => status.slice(0, -'.ready'.length))
    .filter(waitingName => parseWalFileName(waitingName)?.kind === 'segment');
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

/**
 * How long a repository may take for its first answer once the queue is over its limit. At the full deadline for each
 * segment of an outage a busy server would fill its disk all the same; too short a time would take a slow store for
 * one that is away. So it is short only when the queue goes on growing.
 */
export function contactTimeoutMs({ backlogBytes, limitBytes }: QueueState): number {
  return backlogBytes > 2 * limitBytes ? impatientMs : patientMs;
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
  if (error instanceof StoreError) return outages.has(error.kind);
  // Without a pinned id an empty place may be a wrong URL as well as a disk that is not mounted.
  if (error instanceof MarkerMissing) return expectedId !== undefined;
  return error instanceof WalvaultError && error.code === 'unreachable';
}
