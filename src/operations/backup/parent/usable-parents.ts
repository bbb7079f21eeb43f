/**
 * Which backups a new one can be taken against, and why not the others. Pure.
 *
 * A tree has three levels at most: a full backup, differentials against it, incrementals against these. In the records a
 * differential is an incremental backup whose parent is a full one.
 */
import { formatLsn } from '../../../postgres/wal/lsn.ts';
import { switchpointOf, timelineOfLsn } from '../../../postgres/wal/timeline-history.ts';
import type { KnownBackup, ParentServer } from './known-backup.ts';

export interface UsableParent {
  readonly backup: KnownBackup;
  /** 1 for a full backup, 2 for a differential. */
  readonly depth: 1 | 2;
}

export interface UnusableParent {
  readonly id: string;
  /** Words that follow the id. */
  readonly reason: string;
}

export interface JudgedParents {
  /** By their places in the WAL of the server's history, newest first. */
  readonly usable: readonly UsableParent[];
  /** In the order of the catalogue. Backups of the third level are not here. */
  readonly unusable: readonly UnusableParent[];
}

export function judgeParents(backups: readonly KnownBackup[], server: ParentServer): JudgedParents {
  const byId = new Map(backups.map(backup => [backup.id, backup]));
  const usable: UsableParent[] = [];
  const unusable: UnusableParent[] = [];
  for (const backup of backups) {
    const lineage = lineageOf(backup, byId);
    if (lineage === 'too deep') continue;
    const reason = 'missing' in lineage ? lineage.missing : reasonAgainst(lineage.backups, server);
    if (reason !== undefined) unusable.push({ id: backup.id, reason });
    else usable.push({ backup, depth: 'missing' in lineage || lineage.backups.length === 1 ? 1 : 2 });
  }
  // Along one history a higher LSN is later. Clocks and ids decide nothing, but equals need an order.
  usable.sort(
    (a, b) =>
      compare(b.backup.startLsn, a.backup.startLsn) ||
      compare(b.backup.stopLsn, a.backup.stopLsn) ||
      compare(b.backup.id, a.backup.id),
  );
  return { usable, unusable };
}

type Lineage = { readonly backups: readonly KnownBackup[] } | { readonly missing: string } | 'too deep';

/** The backup and its ancestors, up to the full one. */
function lineageOf(backup: KnownBackup, byId: ReadonlyMap<string, KnownBackup>): Lineage {
  if (backup.type === 'full') return { backups: [backup] };
  if (backup.parent === undefined) return { missing: 'names no parent' };
  const parent = byId.get(backup.parent);
  if (parent === undefined) return { missing: `its parent ${backup.parent} is gone` };
  return parent.type === 'full' ? { backups: [backup, parent] } : 'too deep';
}

function reasonAgainst([backup, parent]: readonly KnownBackup[], server: ParentServer): string | undefined {
  const own = backup && reasonAgainstOne(backup, server);
  if (own !== undefined || parent === undefined) return own;
  const reason = reasonAgainstOne(parent, server);
  return reason === undefined ? undefined : `its parent ${parent.id} ${reason}`;
}

function reasonAgainstOne(backup: KnownBackup, server: ParentServer): string | undefined {
  if (backup.systemId !== server.systemId) return `is of system ${backup.systemId}`;
  if (backup.isExpiring) return 'is being removed';
  const place = reasonAgainstPlace(backup, server);
  if (place !== undefined) return place;
  if (backup.dataChecksums !== server.dataChecksums)
    return `was taken with data checksums ${backup.dataChecksums ? 'on' : 'off'}`;
  if (backup.blockSizeBytes !== server.blockSizeBytes) return `has blocks of ${backup.blockSizeBytes} bytes`;
  return backup.isReadable ? undefined : "cannot be read with this host's secret";
}

/**
 * The backup must be a state that this server was in: all of its WAL lies on the server's history. A backup of the old
 * primary may go on behind the switchpoint, and then has pages that this server never had
 * ("Reject incremental backups based on a backup from a divergent history", PostgreSQL 316861101e8).
 */
function reasonAgainstPlace(backup: KnownBackup, { timeline, history, lsn }: ParentServer) {
  if (timelineOfLsn(history, timeline, backup.startLsn) !== backup.timeline)
    return `is not on the way to timeline ${timeline}`;
  for (const range of backup.walRanges) {
    if (range.timeline === timeline) continue;
    const left = switchpointOf(history, range.timeline);
    if (left === undefined) return `is not on the way to timeline ${timeline}`;
    if (range.endLsn > left)
      return `ended behind ${formatLsn(left)}, where the server left timeline ${range.timeline}`;
  }
  if (backup.stopLsn > lsn)
    return `ended at ${formatLsn(backup.stopLsn)}, and the server is at ${formatLsn(lsn)}`;
  return undefined;
}

function compare<T extends bigint | string>(a: T, b: T): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
