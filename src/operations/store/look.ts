/** `walvault store ls` and `stat`: the objects of a repository as the store lists them. */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ListEntry, ObjectStat } from '../../stores/store.ts';

export interface LookOptions {
  readonly repository: Repository;
  readonly prefix: string;
  readonly startAfter: string | undefined;
  /** False: all objects below the prefix, however deep. */
  readonly isOneLevel: boolean;
  readonly signal: AbortSignal;
}

/**
 * Lists objects in key order. In a listing of one level, all keys with the same next directory come as one prefix.
 */
export function listStore(options: LookOptions): AsyncIterable<ListEntry> {
  const { repository, prefix, startAfter, isOneLevel, signal } = options;
  return repository.store.list({
    prefix,
    signal,
    ...(startAfter !== undefined && { startAfter }),
    ...(isOneLevel && { delimiter: '/' }),
  });
}

/**
 * The store's facts about one object.
 * @throws WalvaultError `not-found`
 */
export async function statObject(
  repository: Repository,
  key: string,
  signal: AbortSignal,
): Promise<ObjectStat> {
  const stat = await repository.store.head(key, { signal });
  if (stat !== undefined) return stat;
  throw new WalvaultError('not-found', `${repository.store.url}: there is no ${key}`);
}
