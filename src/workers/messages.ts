/** The messages between a pool and its worker threads. `id` names one run of a job. */
import type { PlainError } from '../base/errors/plain-error.ts';
import type { Event } from '../observe/events/events.ts';

export type ToWorker =
  | { readonly kind: 'run'; readonly id: number; readonly job: string; readonly input: unknown }
  | { readonly kind: 'abort'; readonly id: number }
  /** No job follows: the thread closes its connections and ends. */
  | { readonly kind: 'close' };

/** `secret`: one that the thread has read, to be hidden in all output. It comes before any text that could hold it. */
export type FromWorker = FromJob | { readonly kind: 'secret'; readonly text: string };

export type FromJob = { readonly id: number } & (
  | { readonly kind: 'event'; readonly event: Event }
  /** The work makes progress. */
  | { readonly kind: 'sign' }
  | { readonly kind: 'done'; readonly output: unknown }
  | { readonly kind: 'failed'; readonly error: PlainError }
);
