/** The interface through which the agent sends files to the repositories. */
import type { EventEmitter } from 'node:events';
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
  /** Emits the path of a file when its sending begins, and about once a second while pieces of it are taken. */
  readonly signs: EventEmitter;
}
