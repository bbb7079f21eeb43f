/** What carries files to the repositories for the agent. */
import type { PlainError } from '../../base/errors/plain-error.ts';
import type { Event } from '../../observe/events/events.ts';
import type { Attempt, PushedFile } from '../../workers/jobs/push-file.ts';

export type PushAnswer =
  | (PushedFile & { readonly kind: 'done'; readonly events: readonly Event[] })
  | { readonly kind: 'failed'; readonly events: readonly Event[]; readonly failure: PlainError };

export interface Sender {
  /** Never rejects. */
  send(path: string, attempt: Attempt, signal: AbortSignal): Promise<PushAnswer>;
}

export interface SignsOfLife {
  /** When the file's sending began or a piece of it was last taken, by the clock of `performance.now()`. Undefined: it is not on its way. */
  lastSignAt(path: string): number | undefined;
}
