/** The cancellation of a failed upload. */
import { StoreError } from '../store.ts';
import { retryTransient } from './retry.ts';

const timeoutMs = 15_000;

/**
 * Cancels a failed upload. This has a time limit of its own, because the caller's signal may have ended the upload. An error
 * here does not hide why the upload failed: services forget or remove such uploads later.
 */
export async function tidyUp(cancel: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    await retryTransient(() => cancel(signal), signal);
  } catch (error) {
    if (!(error instanceof StoreError) && !signal.aborted) throw error;
  }
}
