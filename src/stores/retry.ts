/** One bounded repetition for the whole room: the decorator repeats calls with it, the S3 driver parts of an upload. */
import { sleep } from '../base/abort.ts';
import { StoreError } from './store.ts';

export interface RetryLimits {
  /** The first call included. */
  readonly attempts: number;
  /** Doubles from pause to pause, with jitter over its upper half. */
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
}

export const defaultRetryLimits: RetryLimits = { attempts: 6, firstPauseMs: 100, maxPauseMs: 5000 };

/** No service may make us wait longer than this, whatever its `Retry-After` says. */
const longestRetryAfterMs = 60_000;

/**
 * Calls `work` again after `unreachable` and `throttled`, waiting as long as the service asked for if it did. When the
 * signal fires during a pause, the last real error is thrown: "aborted" would hide why.
 */
export async function retryTransient<T>(
  work: () => Promise<T>,
  signal: AbortSignal,
  limits: RetryLimits = defaultRetryLimits,
): Promise<T> {
  let pauseMs = limits.firstPauseMs;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= limits.attempts || signal.aborted || !isTransient(error)) throw error;
      const jitteredMs = pauseMs * (0.5 + Math.random() / 2);
      const askedMs = Math.min(error.retryAfterMs ?? 0, longestRetryAfterMs);
      try {
        await sleep(Math.max(jitteredMs, askedMs), signal);
      } catch {
        throw error;
      }
      pauseMs = Math.min(pauseMs * 2, limits.maxPauseMs);
    }
  }
}

function isTransient(error: unknown): error is StoreError {
  return error instanceof StoreError && error.retry;
}
