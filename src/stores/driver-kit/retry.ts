/** One bounded repetition for the whole room: the decorator repeats calls with it, the drivers parts of an upload. */
import { sleep } from '../../base/time/wait.ts';
import { monotonicMs } from '../../base/time/clock.ts';
import { isStoreError, StoreError } from '../store.ts';

export interface RetryLimits {
  /** After `unreachable`; the first call included. */
  readonly attempts: number;
  /** Doubles from pause to pause, with jitter over its upper half. */
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
  /** A service that asks to slow down works: it is given this long in all, however many calls that takes. */
  readonly throttledMs: number;
}

export const defaultRetryLimits: RetryLimits = {
  attempts: 6,
  firstPauseMs: 100,
  maxPauseMs: 5000,
  throttledMs: 15 * 60_000,
};

/** No service may make us wait longer than this, whatever its `Retry-After` says. */
const longestRetryAfterMs = 60_000;

/** Shared by the calls to one service: when it asks one of them to slow down, the others wait too. */
export class Pace {
  #notBefore = 0;

  slowDown(ms: number): void {
    this.#notBefore = Math.max(this.#notBefore, monotonicMs() + ms);
  }

  async wait(signal: AbortSignal): Promise<void> {
    for (;;) {
      const ms = this.#notBefore - monotonicMs();
      if (ms <= 0) return;
      await sleep(ms, signal);
    }
  }
}

/**
 * Calls `work` again after `unreachable` and `throttled`, waiting as long as the service asked for if it did. When the
 * signal fires during a pause, the last real error is thrown: "aborted" would hide why.
 */
export async function retryTransient<T>(
  work: () => Promise<T>,
  signal: AbortSignal,
  limits: RetryLimits = defaultRetryLimits,
  pace: Pace = new Pace(),
): Promise<T> {
  const giveUpAt = monotonicMs() + limits.throttledMs;
  let pauseMs = limits.firstPauseMs;
  let failures = 0;
  let last: StoreError | undefined;
  for (;;) {
    try {
      await pace.wait(signal);
    } catch (error) {
      throw last ?? error;
    }
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || !isTransient(error)) throw error;
      last = error;
      const isThrottled = isStoreError(error, 'throttled');
      if (isThrottled ? monotonicMs() >= giveUpAt : ++failures >= limits.attempts) throw error;
      const jitteredMs = pauseMs * (0.5 + Math.random() / 2);
      const askedMs = Math.min(error.retryAfterMs ?? 0, longestRetryAfterMs);
      if (isThrottled) pace.slowDown(Math.max(jitteredMs, askedMs));
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
