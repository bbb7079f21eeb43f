/**
 * The timeline histories in `pg_wal`. They are those of the server's own timelines, and of timelines that it has only
 * looked at (readTimeLineHistory in timeline.c). Reading is synchronous, because a server waits for the agent and all
 * threads of Node's pool may be busy.
 */
import { readWholeNow } from '../../base/files/read.ts';
import { objectBounds } from '../../base/bounds.ts';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { localIoError, systemCode, WalvaultError } from '../../base/errors/errors.ts';
import { historyFileName, parseWalFileName } from '../wal/file-name.ts';
import {
  parseTimelineHistory,
  type TimelineHistories,
  type TimelineHistoryEntry,
} from '../wal/timeline-history.ts';

/**
 * The histories that can be used. Others are left out, as an archived history that cannot be read: nothing follows
 * them, PostgreSQL neither.
 * @throws WalvaultError `local-io`
 */
export function readLocalHistories(walDirectory: string): TimelineHistories {
  const histories = new Map<number, TimelineHistoryEntry[]>();
  for (const name of readNames(walDirectory)) {
    const file = parseWalFileName(name);
    if (file?.kind !== 'history') continue;
    const history = readUsable(walDirectory, file.timeline);
    if (history !== undefined) histories.set(file.timeline, history);
  }
  return histories;
}

function readUsable(walDirectory: string, timeline: number): TimelineHistoryEntry[] | undefined {
  try {
    return readLocalHistory(walDirectory, timeline);
  } catch (error) {
    if (error instanceof WalvaultError && error.code === 'damaged') return undefined;
    throw error;
  }
}

/** Undefined when the history is not there. @throws WalvaultError `damaged`, `local-io` */
export function readLocalHistory(walDirectory: string, timeline: number): TimelineHistoryEntry[] | undefined {
  const path = join(walDirectory, historyFileName(timeline));
  try {
    return parseTimelineHistory(
      timeline,
      readWholeNow(path, objectBounds.history.limitBytes).toString('utf8'),
      path,
    );
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw localIoError('read', path, error);
  }
}

function readNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    throw localIoError('read', directory, error);
  }
}
