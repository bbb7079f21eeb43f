/** What the agent and its worker threads say to each other. */
import type { PushAnswer } from './sender.ts';

export type ToWorker =
  | { readonly kind: 'push'; readonly id: number; readonly path: string; readonly isAsked: boolean }
  | { readonly kind: 'abort'; readonly id: number }
  /** Nothing follows: it closes its connections and ends. */
  | { readonly kind: 'close' };

export interface FromWorker {
  readonly id: number;
  readonly answer: PushAnswer;
}
