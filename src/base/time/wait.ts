/** Waiting: for time to pass, and for work that cannot be interrupted. */
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

/** The result of `work`, or a rejection with the signal's reason: for work that may hang and takes no signal. */
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

/** True if `work` ends within `limitMs`, by success or failure; otherwise false, and the work goes on. */
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
