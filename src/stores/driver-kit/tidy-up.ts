import { StoreError } from '../store.ts';
import { retryTransient } from './retry.ts';

const timeoutMs = 15_000;

/**
 * Cancels an upload that failed. It has its own time limit, because the caller's signal may be what ended the upload, and its
 * failure does not hide why the upload failed: services forget or remove such uploads later.
 */
export async function tidyUp(cancel: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    await retryTransient(() => cancel(signal), signal);
  } catch (error) {
    if (!(error instanceof StoreError) && !signal.aborted) throw error;
  }
}
