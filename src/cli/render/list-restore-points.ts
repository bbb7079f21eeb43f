/** The noted restore points of a system, for people. */
import type { SystemListing } from '../../operations/list/listing.ts';
import type { Restorable } from '../../operations/restore/restorable.ts';
import { renderTable } from './table.ts';

const restorePointColumns = [
  { title: 'RESTORE POINT', isFlexible: true },
  { title: 'MADE' },
  { title: 'TIMELINE', align: 'right', leaveOut: 2 },
  { title: 'LSN', leaveOut: 3 },
  { title: 'BY', leaveOut: 1 },
  { title: 'RESTORABLE', isFlexible: true },
] as const;

export function restorePointLines({ restorePoints }: SystemListing, width: number | undefined): string[] {
  if (restorePoints === undefined) return [];
  if (restorePoints.length === 0) return ['no restore points are noted\n'];
  const rows = restorePoints.map(({ name, madeAt, timeline, lsn, user, host, restorable, sameNameCount }) => [
    name,
    madeAt.toISOString(),
    String(timeline),
    lsn,
    `${user} on ${host}`,
    `${inWords(restorable)}${sameNameCount === 1 ? '' : `; one of ${sameNameCount} of this name`}`,
  ]);
  return [renderTable(restorePointColumns, rows, width)];
}

function inWords(restorable: Restorable): string {
  if (restorable.state === 'yes') return `yes, from backup ${restorable.backup}`;
  return restorable.state === 'not-yet' ? `not yet: ${restorable.why}` : `no: ${restorable.why}`;
}
