/** What push decides from names alone. */
import type { ControlFile } from '../../postgres/cluster/control-file.ts';
import { parseWalFileName, type WalFileName } from '../../postgres/wal/file-name.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { switchpointOf, type TimelineHistories } from '../../postgres/wal/timeline-history.ts';

type SegmentFile = WalFileName & { kind: 'segment' | 'partial' };

/**
 * A server in recovery that archives (`archive_mode=always`) finishes the segment in which its parent timeline was
 * left, and has it under the full name. The old primary may have another, whole segment of that name: this one goes
 * to the archive as `.partial`, else it would block the real one for ever (P2).
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
  /** In `archive_status`, whatever as: PostgreSQL has finished this file. */
  readonly isMarked: boolean;
}

/**
 * Which files of `pg_wal` a `push --missing` offers to the archive: those PostgreSQL has finished. A standby marks
 * what it streamed as done without archiving it, so after a failover these are where a hole can be filled from.
 * Histories come first, as the archiver sends them.
 */
export function finishedFiles(
  files: readonly LocalWalFile[],
  { redoLsn, geometry }: Pick<ControlFile, 'redoLsn' | 'geometry'>,
): WalFileName[] {
  const finished = files.flatMap(({ name, isMarked }) => {
    const file = parseWalFileName(name);
    if (file === undefined) return [];
    if (isMarked || file.kind === 'history') return [file];
    // Unmarked, only what lies before the last checkpoint is certainly no longer written to.
    const isBeforeRedo =
      file.kind === 'segment' && geometry.endLsn(geometry.positionOf(file).segment) <= redoLsn;
    return isBeforeRedo ? [file] : [];
  });
  const rank = (file: WalFileName) => `${file.kind === 'history' ? 0 : 1}${file.name}`;
  return finished.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}
