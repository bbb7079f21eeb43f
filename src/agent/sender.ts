/** Who carries files to the repositories for the agent. */
import type { LogEvent } from '../base/log.ts';
import type { Failure } from './client/protocol.ts';

export type PushAnswer =
  | { readonly kind: 'done'; readonly events: readonly LogEvent[] }
  | { readonly kind: 'failed'; readonly events: readonly LogEvent[]; readonly failure: Failure };

export interface Sender {
  /** Done: durable in every required repository. Never rejects. */
  send(path: string, signal: AbortSignal): Promise<PushAnswer>;
  close(): Promise<void>;
}
