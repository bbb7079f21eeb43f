/** Which timeline the recovery follows: told by restore in restore_command, else seen from the histories in `pg_wal`. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { localIoError, systemCode, WalvaultError } from '../../base/errors.ts';
import { historyFileName, parseWalFileName } from '../../postgres/wal/file-name.ts';
import { parseTimelineHistory, type TimelineHistoryEntry } from '../../postgres/wal/timeline-history.ts';
import { historyFromTree, readTimelineTree } from '../../repository/timelines.ts';
import type { FetchOptions } from './fetch.ts';
import { followedFromHistories, type FollowedTimeline } from './plan.ts';

/** Undefined when nothing says that the recovery leaves `fileTimeline`. */
export async function followedTimeline(
  options: FetchOptions,
  fileTimeline: number,
): Promise<FollowedTimeline | undefined> {
  const { timeline } = options;
  const known = locallyFollowed({ walDirectory: dirname(options.destination), timeline }, fileTimeline);
  if (known !== 'unknown') return known;
  // Only a timeline that was named can be unknown.
  return timeline === undefined ? undefined : { timeline, history: await archivedHistory(options, timeline) };
}

/**
 * From `pg_wal` alone; `unknown`: the history of the timeline that restore named is not there. Synchronous, because the
 * agent answers a server that waits, while all threads of Node's pool may be busy.
 */
export function locallyFollowed(
  { walDirectory, timeline }: { readonly walDirectory: string; readonly timeline: number | undefined },
  fileTimeline: number,
): FollowedTimeline | undefined | 'unknown' {
  if (timeline === fileTimeline) return undefined;
  if (timeline === undefined) return followedFromHistories(readHistories(walDirectory), fileTimeline);
  const history = readHistory(join(walDirectory, historyFileName(timeline)));
  return history === undefined ? 'unknown' : { timeline, history };
}

/** PostgreSQL keeps the history of the timeline it follows in `pg_wal` (readTimeLineHistory in timeline.c). */
function readHistories(walDirectory: string): Map<number, TimelineHistoryEntry[]> {
  const histories = new Map<number, TimelineHistoryEntry[]>();
  for (const name of readNames(walDirectory)) {
    const file = parseWalFileName(name);
    if (file?.kind !== 'history') continue;
    const history = readHistory(join(walDirectory, name));
    if (history !== undefined) histories.set(file.timeline, history);
  }
  return histories;
}

function readNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    throw localIoError('read', directory, error);
  }
}

function readHistory(path: string): TimelineHistoryEntry[] | undefined {
  try {
    return parseTimelineHistory(readFileSync(path, 'utf8'), path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw localIoError('read', path, error);
  }
}

async function archivedHistory(options: FetchOptions, timeline: number): Promise<TimelineHistoryEntry[]> {
  let failure: unknown;
  for (const repository of options.repositories) {
    try {
      const history = historyFromTree(
        await readTimelineTree(repository, options.system, options.signal),
        timeline,
      );
      if (history.length > 0) return history;
    } catch (error) {
      if (repository.required) failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  if (timeline === 1) return [];
  throw new WalvaultError(
    'wal-missing',
    `${historyFileName(timeline)} is neither in pg_wal nor in the archive`,
    { retry: true },
  );
}
