/** `walvault store put` and `rm`: changes by hand, which need force for keys of the repository format. */
import type { ByteStream } from '../../base/bytes/streams.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { purposeOfKey } from '../../repository/format/key-purpose.ts';
import type { Repository } from '../../repository/repository.ts';
import { isStoreError } from '../../stores/store.ts';
import type { Log } from '../../observe/events/events.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';

interface ChangeOptions {
  readonly repository: Repository;
  /** Whether keys of the repository format are allowed too. */
  readonly isForced: boolean;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Creates one object; an existing object is never replaced.
 * @throws WalvaultError `refused` for a key of the format without force, `conflict` when the key is taken
 */
export async function createStoredObject(
  key: string,
  body: ByteStream,
  { repository, isForced, signal }: Omit<ChangeOptions, 'log'>,
): Promise<void> {
  const purpose = purposeOfKey(key);
  if (purpose !== undefined && !isForced)
    throw new WalvaultError('refused', `${key} is the place of ${purpose.what}`, {
      hint: 'What is put here by hand has no digest, no signature and no encryption of its own. WAL is archived by push; --force puts it all the same.',
    });
  const { store } = repository;
  try {
    await store.put(key, body, { ifAbsent: true, objectClass: 'catalog', signal });
  } catch (error) {
    if (!isStoreError(error, 'exists')) throw error;
    throw new WalvaultError('conflict', `${store.url}: ${key} exists`, {
      cause: error,
      hint: 'Nothing is ever replaced.',
    });
  }
}

export interface Remaining {
  readonly count: number;
  /** How many of these are under a retention that nobody can lift, and when the longest retention ends. */
  readonly lockedCount: number;
  readonly lockedUntil: Date | undefined;
}

/**
 * Removes objects; an absent object counts as removed.
 * @returns how many objects the store refused to delete; each was logged
 * @throws WalvaultError `refused` before anything is removed, for a key of the format without force
 */
export async function removeObjects(
  keys: readonly string[],
  { repository, isForced, log, signal }: ChangeOptions,
): Promise<Remaining> {
  const known = keys.flatMap(key => {
    const purpose = purposeOfKey(key);
    return purpose === undefined ? [] : [{ key, ...purpose }];
  });
  const [first] = known;
  if (first !== undefined && !isForced)
    throw new WalvaultError('refused', `${first.key} is ${first.what}: ${first.loss}`, {
      hint: '`walvault cleanup` removes what is no longer needed, and nothing else. --force removes it all the same, for good.',
    });
  for (const { key, what, loss } of known)
    log.emit({ kind: 'needed-object-removed', object: key, purpose: what, loss });
  const failures = await repository.store.delete(keys, { signal });
  for (const { error } of failures) log.emit({ kind: 'object-not-removed', failure: toPlainError(error) });
  const locks = failures.flatMap(({ error: { lockedUntil } }) => lockedUntil ?? []);
  return {
    count: failures.length,
    lockedCount: locks.length,
    lockedUntil: locks.length === 0 ? undefined : new Date(Math.max(...locks.map(Number))),
  };
}
