/** The backups and the WAL that restores in progress hold against a cleanup. Pure. */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { withoutEnd, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import { firstNeeded } from '../../repository/format/notes/restored.ts';
import type { RestoreInProgress } from '../../repository/restores-in-progress.ts';
import type { DecisionReason } from './decisions.ts';
import type { SystemState } from './state.ts';
import { reaches } from './timeline-path.ts';

type Restoring = DecisionReason<'restoring'>;

/** The reason to keep a backup; undefined if no restore reads it. */
export function whyRestoring(
  { restores }: Pick<SystemState, 'restores'>,
  backupId: string,
): Restoring | undefined {
  const restore = restores.find(one => one.backupId === backupId);
  return restore && reasonOf(restore);
}

/**
 * All WAL from the first segment that each restore needs, on each timeline that its recovery can reach: the target of a
 * claim is in words, and the WAL behind it costs little for the time that a claim lasts.
 */
export function claimedRanges(
  { restores, wal, tree }: Pick<SystemState, 'restores' | 'wal' | 'tree'>,
  geometry: WalGeometry,
): (SegmentRange & { readonly reason: Restoring })[] {
  const timelines = [...new Set(wal.map(({ timeline }) => timeline))];
  return restores.flatMap(restore => {
    const from = firstNeeded(restore, geometry);
    if (from === undefined) return [];
    const start = { timeline: from.timeline, lsn: geometry.startLsn(from.segment) };
    return timelines
      .filter(timeline => reaches(tree, start, timeline))
      .map(timeline => ({ timeline, first: from.segment, last: withoutEnd, reason: reasonOf(restore) }));
  });
}

function reasonOf({ host, directory, stage, heldUntil }: RestoreInProgress): Restoring {
  const text = `a restore into ${directory} on ${host} needs it (${stage}, held until ${heldUntil.toISOString()})`;
  return { code: 'restoring', text };
}
