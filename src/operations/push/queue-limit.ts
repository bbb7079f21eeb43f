/** The segment that `archive.queue-limit` may give up, chosen from names alone (docs/queue-limit.md). Pure. */
import { parseWalFileName, type WalFileName } from '../../postgres/wal/file-name.ts';

export interface WaitingSegments {
  readonly count: number;
  /** True if PostgreSQL would archive this segment before all others: the only segment that push may give up. */
  readonly isOldest: boolean;
}

/**
 * Counts the segments among the ready files, and says whether `name` is the oldest. PostgreSQL archives in the order of
 * the names (ready_file_comparator in pgarch.c). A file that PostgreSQL does not wait for, pushed by hand or before its
 * turn, is not the oldest.
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

/** True if the queue is over its limit and push may give up this file. Only whole segments can be given up. */
export function isExpendable(
  file: WalFileName,
  waiting: WaitingSegments,
  { backlogBytes, limitBytes }: QueueState,
): boolean {
  return file.kind === 'segment' && waiting.isOldest && backlogBytes > limitBytes;
}
