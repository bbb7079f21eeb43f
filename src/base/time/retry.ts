/** Retries within a deadline. */
import { WalvaultError } from '../errors/errors.ts';
import { hasTimedOut, type Deadline } from './deadline.ts';
import { sleep } from './wait.ts';

export interface RetryOptions {
  /** The first pause; it doubles each time, up to 5 s, with jitter over its upper half. Default 200 ms. */
  readonly firstPauseMs?: number;
  /** Default: the error's own `retry`. */
  readonly isRetryable?: (error: WalvaultError) => boolean;
}

const maxPauseMs = 5000;

/**
 * Repeats `work` until it succeeds, fails for good, or the time is up. Progress prolongs the current attempt and allows no
 * further one: otherwise a damaged object would be read for ever. After the deadline the last real error is thrown,
 * because "timed out" alone does not say what was wrong.
 */
export async function retryUntilDeadline<T>(
  work: () => Promise<T>,
  deadline: Pick<Deadline, 'signal' | 'isProlonged'>,
  { firstPauseMs = 200, isRetryable = ({ retry }) => retry }: RetryOptions = {},
): Promise<T> {
  const { signal } = deadline;
  let lastError: unknown;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, maxPauseMs)) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) throw isTimeLimit(error, signal) ? (lastError ?? error) : error;
      if (!(error instanceof WalvaultError) || !isRetryable(error) || deadline.isProlonged()) throw error;
      lastError = error;
      try {
        await sleep(pauseMs * (0.5 + Math.random() / 2), signal);
      } catch {
        throw error;
      }
    }
  }
}

/** True if the error is the deadline's own reason or was caused by it: then an earlier error says more. */
function isTimeLimit(error: unknown, signal: AbortSignal): boolean {
  return hasTimedOut(signal) && error instanceof Error && [error, error.cause].includes(signal.reason);
}
