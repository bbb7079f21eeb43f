/** How many objects a copy will have looked at in the end, so that its progress has a total. */
import type { BackupRecord } from '../../repository/format/backup-record.ts';
import { piecesOf } from '../../repository/format/backup-record.ts';
import { timelinesPrefix, walPrefix, type SystemPath } from '../../repository/format/layout.ts';
import { count } from '../../postgres/wal/segment-range.ts';
import { neededSegments } from '../../repository/wal/needed.ts';
import type { CopyContext } from './report.ts';
import { isWalKey } from './plan.ts';

export interface ForecastOptions {
  readonly context: CopyContext;
  readonly system: SystemPath;
  /** False: only the WAL that makes the backups consistent. */
  readonly withAllWal: boolean;
  readonly backups: readonly BackupRecord[];
}

/**
 * Does the work while the source is listed once more to count it: the copy itself lists no faster than it copies. The
 * count is given up when the work has ended. It is a comfort, so its failure is none of the copy, which meets the same one.
 */
export async function withForecast(options: ForecastOptions, work: () => Promise<void>): Promise<void> {
  const { report, signal } = options.context;
  const over = new AbortController();
  const counting = countObjects(options, AbortSignal.any([signal, over.signal])).then(
    objects => report.expect(objects),
    () => undefined,
  );
  try {
    await work();
  } finally {
    over.abort();
    await counting;
  }
}

async function countObjects(options: ForecastOptions, signal: AbortSignal): Promise<number> {
  const { context, system, withAllWal, backups } = options;
  const { store } = context.from;
  let objects = 0;
  for (const record of backups) {
    objects += record.parts.length + [...piecesOf({ ...record, parts: [] })].length;
    if (!withAllWal) objects += count(...neededSegments(record));
  }
  for (const prefix of [timelinesPrefix(system), ...(withAllWal ? [walPrefix(system)] : [])])
    for await (const entry of store.list({ prefix, signal }))
      if ('key' in entry && isWalKey(entry.key)) objects++;
  return objects;
}
