/**
 * The placeholder of a timeline history: a comment that takes the number of a timeline whose archived history cannot be
 * read. PostgreSQL reads it as a timeline without ancestors (readTimeLineHistory in timeline.c), so no server follows
 * it, and none that is promoted takes its number.
 */
import { readWholeNow } from '../../base/files/read.ts';
import { objectBounds } from '../../base/bounds.ts';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { localIoError, systemCode } from '../../base/errors/errors.ts';
import { historyFileName } from '../wal/file-name.ts';

/** Each line is shorter than the 1024 bytes that PostgreSQL reads at once. */
export const historyPlaceholder =
  '# placeholder of walvault: the archived history of this timeline cannot be read.\n' +
  '# It keeps the number of the timeline from being taken again. It is not archived.\n';

export function isHistoryPlaceholder(text: string): boolean {
  return text === historyPlaceholder;
}

/**
 * Removes the placeholder from `pg_wal`, where PostgreSQL keeps what it has read (KeepFileRestoredFromArchive): a server
 * that starts beside it would refuse to. Any other file of the name stays.
 * @throws WalvaultError `local-io`
 */
export function removeHistoryPlaceholder(walDirectory: string, timeline: number): void {
  const path = join(walDirectory, historyFileName(timeline));
  try {
    if (isHistoryPlaceholder(readWholeNow(path, objectBounds.history.limitBytes).toString('utf8')))
      rmSync(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw localIoError('read', path, error);
  }
}
