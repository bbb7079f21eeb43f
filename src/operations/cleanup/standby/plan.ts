/** The plan of `cleanup --standby`: the WAL that a standby has passed, in a repository that serves it alone. Pure. */
import { formatCount } from '../../../base/units.ts';
import { count, nameRange, type SegmentPosition } from '../../../postgres/wal/segment-range.ts';
import type { CleanupPlan, Remark, WalDecision } from '../decisions.ts';
import type { SystemState } from '../state.ts';

/** Each run leaves a note of what it removed, and PostgreSQL runs it every few minutes. */
export const fewestSegments = 64;

/**
 * Removes the WAL before the segment from which the standby would restart, on every timeline, as pg_archivecleanup does.
 * It removes nothing where there is a backup, perhaps in the making: what that needs, no standby can know.
 */
export function planStandbyCleanup(state: SystemState, restart: SegmentPosition): CleanupPlan {
  const remarks = doubts(state);
  const wal = remarks.length > 0 ? [] : state.wal.flatMap(stretch => decide(stretch, restart, state));
  const going = wal.filter(({ action }) => action === 'remove');
  const isWorthIt = count(...going) >= fewestSegments;
  return { systemId: state.systemId, backups: [], wal: isWorthIt ? wal : [], remarks };
}

function doubts({ backups, unreadable, unfinished, geometry }: SystemState): Remark[] {
  const present = backups.length + unreadable.length + unfinished.length;
  if (present > 0)
    return [
      {
        message: `nothing is removed: ${formatCount(present, 'backup')} here may need the WAL that the standby does not`,
        hint: 'A repository with standby-only = "on" holds no backups; where there are backups, a retention policy decides.',
      },
    ];
  return geometry === undefined ? [{ message: 'nothing is removed: the size of segments is not known' }] : [];
}

function decide(
  stretch: SystemState['wal'][number],
  { segment }: SegmentPosition,
  { geometry }: SystemState,
): WalDecision[] {
  if (geometry === undefined || stretch.first >= segment) return [];
  const last = stretch.last < segment ? stretch.last : segment - 1n;
  const range = { timeline: stretch.timeline, first: stretch.first, last };
  return [
    {
      ...range,
      ...nameRange(range, geometry),
      action: 'remove',
      reasons: [{ code: 'standby', text: 'the standby restarts from a later segment' }],
    },
  ];
}
