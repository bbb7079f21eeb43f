/** The messages between a pool and its worker threads. `id` names one run of a job. */
import type { RepositoryTraffic } from '../compose/open-repositories.ts';
import type { PlainError } from '../base/errors/plain-error.ts';
import type { Event } from '../observe/events/events.ts';

export type ToWorker =
  /** The job follows soon: the thread loads its code, and opens what it needs. */
  | { readonly kind: 'prepare'; readonly job: string }
  | { readonly kind: 'run'; readonly id: number; readonly job: string; readonly input: unknown }
  | { readonly kind: 'abort'; readonly id: number }
  /** No job follows: the thread closes its connections and ends. */
  | { readonly kind: 'close' };

/** `secret`: one that the thread has read, to be hidden in all output. It comes before any text that could hold it. */
export type FromWorker = FromJob | { readonly kind: 'secret'; readonly text: string };

export type FromJob = { readonly id: number } &
  /** `isOfThread`: not of this job alone, but of the keys and repositories that the thread has opened. */
  (
    | { readonly kind: 'event'; readonly event: Event; readonly isOfThread: boolean }
    /** The work makes progress. */
    | { readonly kind: 'sign'; readonly doneBytes?: number | undefined }
    /** `traffic`: of the thread since the last job that ended. */
    | { readonly kind: 'done'; readonly output: unknown; readonly traffic: readonly RepositoryTraffic[] }
    | { readonly kind: 'failed'; readonly error: PlainError; readonly traffic: readonly RepositoryTraffic[] }
  );
