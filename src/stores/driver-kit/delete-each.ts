/** Deleting where a service takes one key a request: several side by side, each with its own verdict. */
import { separateKeys } from '../key.ts';
import { isStoreError, StoreError, type DeleteFailure } from '../store.ts';

const underWayAtOnce = 16;

/**
 * `deleteOne` may throw `absent`, which counts as deleted.
 * @throws StoreError `no-container`, which is no matter of a single key; the signal's reason
 */
export async function deleteEach(
  keys: readonly string[],
  signal: AbortSignal,
  deleteOne: (key: string) => Promise<void>,
): Promise<DeleteFailure[]> {
  const { legal, failures } = separateKeys(keys);
  if (legal.length > 0) signal.throwIfAborted();
  const pending = legal.values();
  const work = async () => {
    for (const key of pending) {
      try {
        await deleteOne(key);
      } catch (error) {
        if (!(error instanceof StoreError) || isStoreError(error, 'no-container')) throw error;
        if (!isStoreError(error, 'absent')) failures.push({ key, error });
      }
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: underWayAtOnce }, work));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  return failures;
}
