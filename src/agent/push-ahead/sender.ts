/** What carries files to the repositories for the agent. */
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
  /** Has the path of a file as an event when its sending begins, and about once a second while pieces of it are taken. */
  readonly signs: EventEmitter;
}
