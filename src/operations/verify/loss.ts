/** What can no longer be restored because of something that is missing or damaged. Pure. */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { formatLsn } from '../../postgres/wal/lsn.ts';
import { covers, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import { consistencyPoint, type BackupRecord, type WalRange } from '../../repository/format/backup-record.ts';
import type { WalRun } from '../../repository/wal/listing.ts';
import { boundsOf } from '../../repository/wal/lost-wal.ts';
import { neededSegments } from '../../repository/wal/needed.ts';
import { historyFromTree, type TimelineTree } from '../../repository/wal/timelines.ts';
import type { Loss } from './finding.ts';

export interface LossContext {
  /** The backups that can be restored, as far as it is known. */
  readonly sound: readonly BackupRecord[];
  /** The archived WAL. */
  readonly runs: readonly WalRun[];
  readonly tree: TimelineTree;
}

/** What is lost with one backup: the times that no earlier backup leads to either. */
export function lossOfBackup(record: BackupRecord, { sound, runs, tree }: LossContext): Loss {
  const others = sound.filter(({ id }) => id !== record.id);
  const end = consistencyPoint(record);
  const isReached = others.some(other => {
    const path = pathBetween(other, end, tree);
    return (
      path !== undefined &&
      neededSegments({ walRanges: path, geometry: record.geometry }).every(range =>
        runs.some(run => covers(run, range)),
      )
    );
  });
  if (isReached) return { backups: [record.id], windows: [] };
  const next = others
    .filter(({ stopLsn }) => stopLsn > record.stopLsn)
    .toSorted((a, b) => (a.stopLsn < b.stopLsn ? -1 : 1))[0];
  const window = {
    timeline: end.timeline,
    fromLsn: formatLsn(end.lsn),
    toLsn: next && formatLsn(next.stopLsn),
    fromTime: record.stopTime,
    toTime: next?.stopTime,
  };
  return { backups: [record.id], windows: [window] };
}

/** What is lost with segments: recovery ends before them, until a later backup is consistent. */
export function lossOfSegments(
  range: SegmentRange,
  { sound, runs }: Pick<LossContext, 'sound' | 'runs'>,
  geometry: WalGeometry,
): Loss {
  const needing = sound.filter(record =>
    neededSegments(record).some(
      ({ timeline, first, last }) =>
        timeline === range.timeline && first <= range.last && last >= range.first,
    ),
  );
  const backups = needing.map(({ id }) => id);
  const left = sound.filter(({ id }) => !backups.includes(id));
  const { before, beyond } = boundsOf(range, left, geometry);
  // No recovery leads to WAL before the oldest backup.
  if (before === undefined && beyond !== undefined && backups.length === 0) return { backups, windows: [] };
  const previous = runs.find(run => run.timeline === range.timeline && run.last === range.first - 1n);
  const window = {
    timeline: range.timeline,
    fromLsn: formatLsn(geometry.startLsn(range.first)),
    toLsn: beyond && formatLsn(beyond.stopLsn),
    fromTime: isBefore(previous?.lastModified, beyond?.stopTime) ? previous?.lastModified : undefined,
    toTime: beyond?.stopTime,
  };
  return { backups, windows: [window] };
}

/** False where the archive was copied here later: then its times tell nothing. */
function isBefore(from: Date | undefined, to: Date | undefined): boolean {
  return from === undefined || to === undefined || from <= to;
}

/** The WAL from a backup's start to a position; undefined if the way there does not begin on its timeline. */
function pathBetween(
  { timeline, startLsn, stopLsn }: BackupRecord,
  end: { readonly timeline: number; readonly lsn: bigint },
  tree: TimelineTree,
): WalRange[] | undefined {
  if (stopLsn > end.lsn) return undefined;
  const way = [...historyFromTree(tree, end.timeline), { timeline: end.timeline, switchpoint: end.lsn }];
  const from = way.findIndex(part => part.timeline === timeline);
  if (from === -1 || startLsn > (way[from]?.switchpoint ?? 0n)) return undefined;
  let begin = startLsn;
  return way.slice(from).map(part => {
    const range = { timeline: part.timeline, startLsn: begin, endLsn: part.switchpoint };
    begin = part.switchpoint;
    return range;
  });
}
