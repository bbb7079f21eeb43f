/**
 * Time limits. Every operation that does I/O takes an `AbortSignal`; a deadline is such a signal that fires by itself
 * with a `WalvaultError` as its reason, so that whoever was waiting reports the limit and not a bare "aborted".
 */
import { monotonicMs } from './clock.ts';
import { WalvaultError } from '../errors/errors.ts';
import { formatDuration } from '../units.ts';

/** A signal that aborts after `timeoutMs` or when `parent` does. Call `clear` when the work is over. */
export interface Deadline {
  readonly signal: AbortSignal;
  readonly remainingMs: () => number;
  /** Starts the time anew: something has arrived, so that what remains limited is the time without any progress. */
  restart(): void;
  clear(): void;
}

export function startDeadline(timeoutMs: number, what: string, parent?: AbortSignal): Deadline {
  const controller = new AbortController();
  let endsAt = monotonicMs() + timeoutMs;
  const timer = setTimeout(() => controller.abort(timeLimitError(what, timeoutMs)), timeoutMs);
  const onParent = () => controller.abort(parent?.reason);
  if (parent?.aborted) onParent();
  else parent?.addEventListener('abort', onParent, { once: true });
  return {
    signal: controller.signal,
    remainingMs: () => Math.max(0, endsAt - monotonicMs()),
    restart() {
      if (controller.signal.aborted) return;
      endsAt = monotonicMs() + timeoutMs;
      timer.refresh();
    },
    clear() {
      clearTimeout(timer);
      parent?.removeEventListener('abort', onParent);
    },
  };
}

/** A part of what is left of `whole`, so that each of `count` gets its turn: progress prolongs both. */
export function startShare(whole: Deadline, count: number, what: string): Deadline {
  if (count <= 1) return { ...whole, clear: () => undefined };
  const share = startDeadline(whole.remainingMs() / count, what, whole.signal);
  return {
    ...share,
    restart() {
      share.restart();
      whole.restart();
    },
  };
}

/** True for a deadline that fired by itself, unlike an interruption by the user. */
export function hasTimedOut({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason instanceof WalvaultError && reason.retry;
}

export function timeLimitError(what: string, timeoutMs: number): WalvaultError {
  return new WalvaultError('unreachable', `${what}: no answer within ${formatDuration(timeoutMs)}`, {
    retry: true,
  });
}

/** Sleeps, or rejects with the signal's reason. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** `work`, or a rejection with the signal's reason: for work in which something may hang that no signal reaches. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason as Error);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([aborted.promise, work]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Resolves when `work` has ended, however it did, but after `ms` at the latest. A wait keeps no process alive. */
export async function waitAtMost(ms: number, work: Promise<unknown>): Promise<'ended' | 'time is up'> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<'time is up'>(resolve => {
    timer = setTimeout(() => resolve('time is up'), ms).unref();
  });
  try {
    return await Promise.race([Promise.allSettled([work]).then(() => 'ended' as const), timeUp]);
  } finally {
    clearTimeout(timer);
  }
}

export interface RetryOptions {
  readonly signal: AbortSignal;
  /** First pause; each further one doubles, up to `maxPauseMs`, with full jitter in its upper half. */
  readonly firstPauseMs?: number;
  readonly maxPauseMs?: number;
  readonly isRetryable?: (error: unknown) => boolean;
  readonly onRetry?: (error: unknown, attempt: number) => void;
}

/**
 * Repeats `work` until it succeeds, fails for good, or the signal fires; then the last real error is thrown, with
 * the limit named, because "timed out" alone tells nobody what was wrong.
 */
export async function retryUntilDeadline<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  const isRetryable = options.isRetryable ?? (error => error instanceof WalvaultError && error.retry);
  let pauseMs = options.firstPauseMs ?? 200;
  let lastError: unknown;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (options.signal.aborted) throw isTimeLimit(error, options.signal) ? (lastError ?? error) : error;
      if (!isRetryable(error)) throw error;
      lastError = error;
      options.onRetry?.(error, attempt);
      try {
        await sleep(pauseMs * (0.5 + Math.random() / 2), options.signal);
      } catch {
        throw error;
      }
      pauseMs = Math.min(pauseMs * 2, options.maxPauseMs ?? 5000);
    }
  }
}

/** A deadline's own reason, perhaps in other words: what went wrong before it says more. */
function isTimeLimit(error: unknown, signal: AbortSignal): boolean {
  return hasTimedOut(signal) && error instanceof Error && [error, error.cause].includes(signal.reason);
}
