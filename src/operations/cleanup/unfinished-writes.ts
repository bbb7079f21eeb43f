/** Removes the writes that dead writers left unfinished in a cluster's part of a repository, whatever the policy. */
import { messageOf } from '../../base/errors/errors.ts';
import { clusterPrefix } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';
import { isStoreError, type UnfinishedWrite } from '../../stores/store.ts';
import type { Log } from '../../observe/events/events.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';

/** Longer than any writer takes for one object. A writer that still was at work fails, and writes the object again. */
const staleAfterMs = 24 * 3_600_000;

export interface UnfinishedCleanup {
  /** The writes that were removed, or would be removed in a dry run. */
  readonly writes: readonly UnfinishedWrite[];
  /** Messages of one line. */
  readonly failures: readonly string[];
}

export interface UnfinishedOptions {
  readonly cluster: string;
  readonly isDryRun: boolean;
  readonly now: Date;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export async function cleanUnfinishedWrites(
  repository: Repository,
  { cluster, isDryRun, now, log, signal }: UnfinishedOptions,
): Promise<UnfinishedCleanup> {
  const { name, store } = repository;
  if (store.listUnfinished === undefined || store.removeUnfinished === undefined)
    return { writes: [], failures: [] };
  const stale: UnfinishedWrite[] = [];
  try {
    for await (const write of store.listUnfinished({ prefix: clusterPrefix(cluster), signal }))
      if (now.getTime() - write.lastWritten.getTime() > staleAfterMs) stale.push(write);
  } catch (error) {
    // A service without this request has no unfinished writes, or removes them itself.
    if (!isStoreError(error, 'denied') && !isStoreError(error, 'invalid')) throw error;
    log.emit({ kind: 'unfinished-writes-unknown', repository: name, failure: toPlainError(error) });
    return { writes: [], failures: [] };
  }
  if (isDryRun || stale.length === 0) return { writes: stale, failures: [] };
  const failures = await store.removeUnfinished(stale, { signal });
  const failed = new Set(failures.map(({ key }) => key));
  const writes = stale.filter(({ key }) => !failed.has(key));
  log.emit({ kind: 'unfinished-writes-removed', repository: name, count: writes.length });
  return { writes, failures: failures.map(({ key, error }) => `${store.url}: ${key}: ${messageOf(error)}`) };
}
