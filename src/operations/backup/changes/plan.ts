/** The decision whether a backup finds what has changed by WAL summaries, and whether it audits them. Pure. */
import { formatCount } from '../../../base/units.ts';
import {
  distrustOf,
  firstWithSummaries,
  type SummarizingServer,
} from '../../../postgres/wal/summaries/trust.ts';
import type { BackupRecord } from '../../../repository/format/backup-record.ts';

export interface ChangesSettings {
  readonly walSummaries: 'auto' | 'off';
  readonly auditEveryMs: number;
}

type KnownRecord = Pick<BackupRecord, 'id' | 'startTime' | 'audited'>;
export type LineageRecord = Pick<
  BackupRecord,
  'id' | 'startTime' | 'damagedPages' | 'timeline' | 'backupFrom' | 'dataChecksums'
>;

export interface ChangesRequest {
  readonly settings: ChangesSettings;
  readonly server: SummarizingServer;
  /** The full backup first, the parent last. */
  readonly lineage: readonly LineageRecord[];
  /** The backups of the system that any repository has. */
  readonly backups: readonly KnownRecord[];
  readonly now: Date;
}

export type ChangesPlan =
  /** `reason` is in words that follow "WAL summaries are not used: "; undefined where nobody expects them. */
  | { readonly from: 'digests'; readonly reason: string | undefined }
  /** `isAudit`: everything is read all the same. */
  | { readonly from: 'summaries'; readonly isAudit: boolean };

export function planChanges({ settings, server, lineage, backups, now }: ChangesRequest): ChangesPlan {
  if (settings.walSummaries === 'off' || server.serverVersion < firstWithSummaries)
    return { from: 'digests', reason: undefined };
  const reason =
    distrustOf(server, { isAcrossTimelines: false }) ??
    reasonOfAudit(lineage[0], backups) ??
    reasonOfDamage(lineage.at(-1));
  if (reason !== undefined) return { from: 'digests', reason };
  return { from: 'summaries', isAudit: isAuditDue(settings, backups, now) };
}

/** Summaries that were wrong once are trusted again from the next full backup on, which needs none. */
function reasonOfAudit(full: LineageRecord | undefined, backups: readonly KnownRecord[]): string | undefined {
  const found = backups.find(
    ({ audited, startTime }) =>
      audited !== undefined &&
      audited.missedPages > 0 &&
      (full === undefined || startTime.getTime() >= full.startTime.getTime()),
  );
  if (found?.audited === undefined) return undefined;
  return `backup ${found.id} found ${formatCount(found.audited.missedPages, 'changed page')} that they do not name; they are trusted again after the next full backup`;
}

/** Only who reads everything looks at damaged pages again, and finds that they are well. */
function reasonOfDamage(parent: LineageRecord | undefined): string | undefined {
  if (parent === undefined || parent.damagedPages === 0) return undefined;
  return `${parent.id} has ${formatCount(parent.damagedPages, 'damaged page')}, to be looked at again`;
}

/**
 * Since the last audit, or, before there is one, since the oldest backup: full backups in between have audited nothing, and
 * where they are as frequent as audits there would be none.
 */
function isAuditDue({ auditEveryMs }: ChangesSettings, backups: readonly KnownRecord[], now: Date): boolean {
  const timesOf = (records: readonly KnownRecord[]) => records.map(({ startTime }) => startTime.getTime());
  const audits = timesOf(backups.filter(({ audited }) => audited !== undefined));
  const sinceMs = audits.length > 0 ? Math.max(...audits) : Math.min(...timesOf(backups), now.getTime());
  return now.getTime() - sinceMs >= auditEveryMs;
}

/**
 * True if each page that differs from the parent's must be in WAL since then: also hint bits are, where the cluster has data
 * checksums, for the first change of a page after each checkpoint. Another server has other hint bits, those that came after
 * that first change; on one timeline only one server has ever been the primary.
 */
export function logsEveryChange(
  lineage: readonly LineageRecord[],
  now: Pick<LineageRecord, 'timeline' | 'backupFrom' | 'dataChecksums'>,
): boolean {
  return [...lineage, now].every(
    ({ timeline, backupFrom, dataChecksums }) =>
      dataChecksums && backupFrom === 'primary' && timeline === now.timeline,
  );
}
