/** The decisions of push that need only names and histories. Pure. */
import type { ControlFile } from '../../postgres/cluster/control-file.ts';
import { parseWalFileName, type WalFileName } from '../../postgres/wal/file-name.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { switchpointOf, type TimelineHistories } from '../../postgres/wal/timeline-history.ts';

type SegmentFile = WalFileName & { kind: 'segment' | 'partial' };

/**
 * The name under which a segment is archived. A server in recovery with `archive_mode=always` finishes the segment in
 * which it left the parent timeline, and keeps it under the full name. The old primary may have another, whole segment
 * of that name. So this segment is archived as `.partial`: it would otherwise block the real segment forever (P2).
 */
export function archivedAs(
  file: SegmentFile,
  histories: TimelineHistories,
  geometry: WalGeometry,
): SegmentFile {
  if (file.kind === 'partial') return file;
  const isSwitchpointInside = [...histories.values()].some(history => {
    const switchpoint = switchpointOf(history, file.timeline);
    return switchpoint !== undefined && geometry.segmentOf(switchpoint) === geometry.positionOf(file).segment;
  });
  if (!isSwitchpointInside) return file;
  return { ...file, kind: 'partial', name: `${file.name}.partial` };
}

export interface LocalWalFile {
  readonly name: string;
  /** True if `archive_status` has any mark for the file: PostgreSQL has finished it. */
  readonly isMarked: boolean;
}

/**
 * The files of `pg_wal` that `push --missing` offers to the archive: the files that PostgreSQL has finished. A standby
 * marks streamed segments as done without archiving them, so they can fill a hole after a failover. Histories come
 * first, in the order of PostgreSQL's archiver.
 */
export function finishedFiles(
  files: readonly LocalWalFile[],
  { redoLsn, geometry }: Pick<ControlFile, 'redoLsn' | 'geometry'>,
): WalFileName[] {
  const finished = files.flatMap(({ name, isMarked }) => {
    const file = parseWalFileName(name);
    if (file === undefined) return [];
    if (isMarked || file.kind === 'history') return [file];
    // Without a mark, only a segment before the last checkpoint's redo point is certainly finished.
    const isBeforeRedo =
      file.kind === 'segment' && geometry.endLsn(geometry.positionOf(file).segment) <= redoLsn;
    return isBeforeRedo ? [file] : [];
  });
  const rank = (file: WalFileName) => `${file.kind === 'history' ? 0 : 1}${file.name}`;
  return finished.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}
