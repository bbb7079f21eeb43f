/** A backup's place in a repository: taken before the first part, given back when the backup fails. */
import { hostname } from 'node:os';
import { startDeadline } from '../../base/time/deadline.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { writeClaim, type Claim } from '../../repository/format/claim.ts';
import { backupPrefix, claimKey, type SystemPath } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';
import type { Log } from '../../observe/events/events.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';

const deleteBatch = 500;

/**
 * Names who makes the backup and since when, so that cleanup can tell one in progress from one left behind. An
 * incremental will also name its parent, which then must not be removed.
 * @throws WalvaultError `conflict` when the id is taken
 */
export async function claimBackup(
  repository: Repository,
  system: SystemPath,
  claim: Pick<Claim, 'id' | 'startTime'>,
  signal: AbortSignal,
): Promise<void> {
  const host = { host: hostname(), pid: process.pid };
  if (await writeClaim(repository.store, system, { ...claim, ...host }, signal)) return;
  throw new WalvaultError('conflict', `${repository.store.url}: backup ${claim.id} exists already`, {
    hint: 'Another backup was started in the same second; take this one again.',
  });
}

/**
 * Removes what an unfinished backup left in a repository, the claim last. Best effort within `timeoutMs`: without a
 * commit record the pieces are no backup, and cleanup removes what stays.
 */
export async function discardBackup(
  repository: Repository,
  system: SystemPath,
  id: string,
  options: { readonly timeoutMs: number; readonly log: Log },
): Promise<void> {
  const deadline = startDeadline(options.timeoutMs, `remove unfinished backup ${id}`);
  const claim = claimKey(system, id);
  try {
    let keys: string[] = [];
    const { store } = repository;
    for await (const entry of store.list({ prefix: backupPrefix(system, id), signal: deadline.signal })) {
      if ('prefix' in entry || entry.key === claim) continue;
      keys.push(entry.key);
      if (keys.length < deleteBatch) continue;
      await deleteAll(repository, keys, deadline.signal);
      keys = [];
    }
    await deleteAll(repository, keys, deadline.signal);
    await deleteAll(repository, [claim], deadline.signal);
  } catch (error) {
    options.log.emit({
      kind: 'backup-pieces-left',
      repository: repository.name,
      backup: id,
      failure: toPlainError(error),
    });
  } finally {
    deadline.clear();
  }
}

async function deleteAll({ store }: Repository, keys: readonly string[], signal: AbortSignal): Promise<void> {
  const [failure] = keys.length === 0 ? [] : await store.delete(keys, { signal });
  if (failure !== undefined) throw failure.error;
}
