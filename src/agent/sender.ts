/** Who carries files to the repositories for the agent. */
import type { LogEvent } from '../base/log.ts';
import type { Failure } from './client/protocol.ts';

export type PushAnswer =
  | {
      readonly kind: 'done';
      /** False only where `archive.queue-limit` had this file given up. */
      readonly isDurable: boolean;
      /** No repository had it before. */
      readonly isNew: boolean;
      readonly events: readonly LogEvent[];
    }
  | { readonly kind: 'failed'; readonly events: readonly LogEvent[]; readonly failure: Failure };

export interface Sender {
  /**
   * Never rejects.
   * @param isAsked PostgreSQL waits for this file: only then may it be given up
   */
  send(path: string, isAsked: boolean, signal: AbortSignal): Promise<PushAnswer>;
  close(): Promise<void>;
}

export interface SignsOfLife {
  /** When the file's sending began or a piece of it was last taken, by the clock of `performance.now()`. Undefined: it is not on its way. */
  lastSignAt(path: string): number | undefined;
}
