/** What of the WAL in a directory that is restored again the archive does not have, and the telling of it. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { localIoError } from '../../../base/errors/errors.ts';
import type { Log } from '../../../observe/events/events.ts';
import { walAsidePrefix } from '../../../postgres/cluster/backup-selection.ts';
import type { WalGeometry } from '../../../postgres/wal/geometry.ts';
import type { SystemSurvey } from '../../../repository/survey.ts';
import { findUnarchived, type UnarchivedWal } from './unarchived.ts';

/** More names help nobody: they are all in the directory. */
const mostNames = 100;

export interface FoundWal extends UnarchivedWal {
  readonly walDirectory: string;
}

/**
 * Looks into `pg_wal`, and after an interruption also into what was moved aside before.
 * @throws StoreError; WalvaultError `local-io`
 */
export async function findWal(
  survey: SystemSurvey,
  geometry: WalGeometry,
  { path, marker }: { readonly path: string; readonly marker: object | undefined },
): Promise<FoundWal[]> {
  const { runs } = await survey.wal(geometry);
  const { tree } = await survey.timelines();
  const { systemId } = survey.system;
  const archived = { systemId, geometry, runs, histories: new Set(tree.keys()) };
  const names = marker === undefined ? [] : await asideIn(path);
  const found: FoundWal[] = [];
  for (const name of [...names, 'pg_wal']) {
    const walDirectory = join(path, name);
    found.push({ walDirectory, ...(await findUnarchived(walDirectory, archived)) });
  }
  return found;
}

/** @param walDirectory where it is now */
export function tellWal({ names, unfinished }: UnarchivedWal, walDirectory: string, log: Log): void {
  if (names.length === 0 && unfinished === undefined) return;
  log.emit({
    kind: 'wal-not-archived',
    walDirectory,
    files: names.slice(0, mostNames),
    fileCount: names.length,
    ...(unfinished !== undefined && { unfinished }),
  });
}

async function asideIn(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).filter(name => name.startsWith(walAsidePrefix)).toSorted();
  } catch (error) {
    throw localIoError('read directory', path, error);
  }
}
