/** The one bounded retry of all stores: the retrying decorator repeats calls with it, the drivers parts of an upload. */
import { sleep } from '../../base/time/wait.ts';
import { monotonicMs } from '../../base/time/clock.ts';
import { isStoreError, StoreError } from '../store.ts';

export interface RetryLimits {
  /** How many calls in all that may end as `unreachable`. */
  readonly attempts: number;
  /** The pause doubles each time, with jitter over its upper half. */
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
  /** The whole time for a service that asks to slow down, with any number of calls: such a service works. */
  readonly throttledMs: number;
}

export const defaultRetryLimits: RetryLimits = {
  attempts: 6,
  firstPauseMs: 100,
  maxPauseMs: 5000,
  throttledMs: 15 * 60_000,
};

/** The longest wait, whatever the service's `Retry-After` says. */
const longestRetryAfterMs = 60_000;

/** A pause that all calls to one service share: when the service asks one call to slow down, the others wait too. */
export class SharedPause {
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
 * Calls `work` again after `unreachable` and `throttled`, and waits as long as the service asks for. When the signal
 * fires during a pause, the last real error is thrown: "aborted" would hide the reason.
 */
export async function retryTransient<T>(
  work: () => Promise<T>,
  signal: AbortSignal,
  limits: RetryLimits = defaultRetryLimits,
  pause: SharedPause = new SharedPause(),
): Promise<T> {
  const giveUpAt = monotonicMs() + limits.throttledMs;
  let pauseMs = limits.firstPauseMs;
  let failures = 0;
  let last: StoreError | undefined;
  for (;;) {
    try {
      await pause.wait(signal);
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
      if (isThrottled) pause.slowDown(Math.max(jitteredMs, askedMs));
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
