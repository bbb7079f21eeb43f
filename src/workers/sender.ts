/** Who carries files to the repositories for the agent. */
import type { LogEvent } from '../base/log.ts';
import type { Failure } from '../agent/client/protocol.ts';

export type PushAnswer =
  | {
      readonly kind: 'done';
      /** False only where `archive.queue-limit` had this file given up. */
      readonly isDurable: boolean;
      /** It is in all of them, and none had it before. */
      readonly isNew: boolean;
      readonly events: readonly LogEvent[];
    }
  | { readonly kind: 'failed'; readonly events: readonly LogEvent[]; readonly failure: Failure };

export interface Attempt {
  /** PostgreSQL waits for this file: only then may it be given up. */
  readonly isAsked: boolean;
  /** Of `archive.timeout`, by waiting for an attempt that nobody had asked for. */
  readonly spentMs: number;
}

export interface Sender {
  /** Never rejects. */
  send(path: string, attempt: Attempt, signal: AbortSignal): Promise<PushAnswer>;
  close(): Promise<void>;
}

export interface SignsOfLife {
  /** When the file's sending began or a piece of it was last taken, by the clock of `performance.now()`. Undefined: it is not on its way. */
  lastSignAt(path: string): number | undefined;
}
