/** Deletion with one request for each key: several at the same time, each with its own result. */
import { isStoreError, StoreError, type DeleteFailure } from '../store.ts';
import { separateKeys } from './key.ts';

const underWayAtOnce = 16;

/**
 * Deletes each legal key. An `absent` from `deleteOne` counts as deleted.
 * @throws StoreError `no-container`, which concerns all keys; the signal's reason
 */
export async function deleteEach(
  keys: readonly string[],
  signal: AbortSignal,
  deleteOne: (key: string) => Promise<void>,
): Promise<DeleteFailure[]> {
  const { legal, failures } = separateKeys(keys);
  if (legal.length > 0) signal.throwIfAborted();
  const targets = legal.map(key => ({ key }));
  return [...failures, ...(await refusalsOf(targets, ({ key }) => deleteOne(key)))];
}

/** The targets that could not be removed, each with its error; `absent` counts as removed. Throws as `deleteEach`. */
export async function refusalsOf<Target extends { readonly key: string }>(
  targets: readonly Target[],
  remove: (target: Target) => Promise<unknown>,
): Promise<(Target & DeleteFailure)[]> {
  const refusals: (Target & DeleteFailure)[] = [];
  const pending = targets.values();
  const work = async () => {
    for (const target of pending) {
      try {
        await remove(target);
      } catch (error) {
        if (!(error instanceof StoreError) || isStoreError(error, 'no-container')) throw error;
        if (!isStoreError(error, 'absent')) refusals.push({ ...target, error });
      }
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: underWayAtOnce }, work));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  return refusals;
}
