/** The removal of an unfinished set's pieces from a repository. */
import { startDeadline } from '../../base/time/deadline.ts';
import type { Repository } from '../repository.ts';

/** The place of a set in a repository: every key of the set begins with `prefix`. */
export interface SetPlace {
  /** The name in error messages: `backup 20261122T020000Z-full-3f2a91`. */
  readonly what: string;
  readonly prefix: string;
  readonly claimKey: string;
}

const deleteBatch = 500;

/**
 * Removes the set, its claim last: while pieces are left, the claim marks them as an unfinished set. @throws
 * StoreError
 */
export async function discardSet(
  repository: Repository,
  { what, prefix, claimKey }: SetPlace,
  timeoutMs: number,
): Promise<void> {
  const deadline = startDeadline(timeoutMs, `remove unfinished ${what}`);
  const { signal } = deadline;
  try {
    let keys: string[] = [];
    for await (const entry of repository.store.list({ prefix, signal })) {
      if ('prefix' in entry || entry.key === claimKey) continue;
      keys.push(entry.key);
      if (keys.length < deleteBatch) continue;
      await deleteAll(repository, keys, signal);
      keys = [];
    }
    await deleteAll(repository, keys, signal);
    await deleteAll(repository, [claimKey], signal);
  } finally {
    deadline.clear();
  }
}

async function deleteAll({ store }: Repository, keys: readonly string[], signal: AbortSignal): Promise<void> {
  const [failure] = keys.length === 0 ? [] : await store.delete(keys, { signal });
  if (failure !== undefined) throw failure.error;
}
