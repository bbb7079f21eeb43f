/** `walvault store ls` and `stat`: what lies there, page by page. */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ListEntry, ObjectStat } from '../../stores/store.ts';

export interface LookOptions {
  readonly repository: Repository;
  readonly prefix: string;
  readonly startAfter: string | undefined;
  /** False: everything below the prefix, however deep. */
  readonly isOneLevel: boolean;
  readonly signal: AbortSignal;
}

/** In key order. Keys that have a further `/` come as one prefix in a listing of one level. */
export function listStore(options: LookOptions): AsyncIterable<ListEntry> {
  const { repository, prefix, startAfter, isOneLevel, signal } = options;
  return repository.store.list({
    prefix,
    signal,
    ...(startAfter !== undefined && { startAfter }),
    ...(isOneLevel && { delimiter: '/' }),
  });
}

/** @throws WalvaultError `not-found` */
export async function statObject(
  repository: Repository,
  key: string,
  signal: AbortSignal,
): Promise<ObjectStat> {
  const stat = await repository.store.head(key, { signal });
  if (stat !== undefined) return stat;
  throw new WalvaultError('not-found', `${repository.store.url}: there is no ${key}`);
}
