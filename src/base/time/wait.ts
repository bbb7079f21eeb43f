/** Waiting: for time to pass, and for work that no signal reaches. */
import { startDeadline } from './deadline.ts';

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

/** True when `work` has ended, however it did; false after `limitMs`, and the work goes on. */
export async function endsWithin(limitMs: number, work: Promise<unknown>): Promise<boolean> {
  const deadline = startDeadline(limitMs, 'wait');
  try {
    await orAborted(Promise.allSettled([work]), deadline.signal);
    return true;
  } catch {
    return false;
  } finally {
    deadline.clear();
  }
}
