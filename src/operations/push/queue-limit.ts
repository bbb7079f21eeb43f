/** Which segment `archive.queue-limit` may give up, from names alone (docs/queue-limit.md). */
import { parseWalFileName, type WalFileName } from '../../postgres/wal/file-name.ts';

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
