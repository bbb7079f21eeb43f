/** The removal of pieces of a set from a repository. */
import { startDeadline } from '../../base/time/deadline.ts';
import type { Repository } from '../repository.ts';

/** The place of a set in a repository: every key of the set begins with `prefix`. */
export interface SetPlace {
  /** The name in error messages: `backup 20261122T020000Z-full-3f2a91`. */
  readonly what: string;
  readonly prefix: string;
  readonly claimKey: string;
  /** Undefined where no other writer can go on with the pieces. */
  readonly sharing?: Sharing | undefined;
}

/** The rules among several writers of one set. */
export interface Sharing {
  /** Makes sure that no other writer relies on the pieces in a repository; false where one does: it has all of them. */
  claimAlone(repository: Repository, signal: AbortSignal): Promise<boolean>;
  /** True for the names of claims, which stay: one that is taken must not be free again for a slow writer. */
  isClaim(name: string): boolean;
}

const deleteBatch = 500;

/**
 * Removes an unfinished set, its claim last: while pieces are left, the claim marks them as an unfinished set. Where another
 * writer relies on the pieces, they stay.
 * @throws StoreError
 */
export async function discardSet(repository: Repository, place: SetPlace, timeoutMs: number): Promise<void> {
  const deadline = startDeadline(timeoutMs, `remove unfinished ${place.what}`);
  const { signal } = deadline;
  const { sharing } = place;
  try {
    if (sharing !== undefined) {
      if (await sharing.claimAlone(repository, signal))
        await deleteListed(repository, place, { isKept: sharing.isClaim, signal });
      return;
    }
    await deleteListed(repository, place, { isKept: name => place.prefix + name === place.claimKey, signal });
    await deleteAll(repository, [place.claimKey], signal);
  } finally {
    deadline.clear();
  }
}

export interface UnusedPieces {
  /** Told the name of a piece, below the prefix of the set. */
  readonly isKept: (name: string) => boolean;
  readonly timeoutMs: number;
}

/** Removes those pieces of a committed set that it does not use. @throws StoreError */
export async function discardUnused(
  repository: Repository,
  place: SetPlace,
  { isKept, timeoutMs }: UnusedPieces,
): Promise<void> {
  const deadline = startDeadline(timeoutMs, `remove unused pieces of ${place.what}`);
  try {
    await deleteListed(repository, place, { isKept, signal: deadline.signal });
  } finally {
    deadline.clear();
  }
}

async function deleteListed(
  repository: Repository,
  { prefix }: SetPlace,
  { isKept, signal }: Pick<UnusedPieces, 'isKept'> & { readonly signal: AbortSignal },
): Promise<void> {
  let keys: string[] = [];
  for await (const entry of repository.store.list({ prefix, signal })) {
    if ('prefix' in entry || isKept(entry.key.slice(prefix.length))) continue;
    keys.push(entry.key);
    if (keys.length < deleteBatch) continue;
    await deleteAll(repository, keys, signal);
    keys = [];
  }
  await deleteAll(repository, keys, signal);
}

async function deleteAll({ store }: Repository, keys: readonly string[], signal: AbortSignal): Promise<void> {
  const [failure] = keys.length === 0 ? [] : await store.delete(keys, { signal });
  if (failure !== undefined) throw failure.error;
}
