/** What the agent and its worker threads say to each other. */
import type { AheadAnswer, AheadJob } from './ahead-fetcher.ts';
import type { Attempt, PushAnswer } from './sender.ts';

export type WorkerTask =
  | { readonly kind: 'push'; readonly path: string; readonly attempt: Attempt }
  | { readonly kind: 'fetch-ahead'; readonly job: AheadJob };

export type ToWorker =
  | (WorkerTask & { readonly id: number })
  | { readonly kind: 'abort'; readonly id: number }
  /** Nothing follows: it closes its connections and ends. */
  | { readonly kind: 'close' };

export type TaskAnswer = PushAnswer | AheadAnswer;

export interface FromWorker {
  readonly id: number;
  /** Of the kind that the task has. Undefined: there is none yet, but the work moves on. */
  readonly answer: TaskAnswer | undefined;
}
