/** The positions that a recovery can reach from each backup, by what is archived and without reading WAL. Pure. */
import type { Lsn } from '../../postgres/wal/lsn.ts';
import type { BackupRecord } from '../../repository/format/backup-record.ts';
import { knownTimelines } from './branches.ts';
import { backupsOn } from './choose-backup.ts';
import type { RestoreSurvey } from './survey.ts';
import { walPath, type WalPath } from './wal-path.ts';

/** Positions of one timeline: `from` is included, `to` is not. */
export interface LsnRange {
  readonly timeline: number;
  readonly from: Lsn;
  readonly to: Lsn;
}

export interface Reach extends LsnRange {
  readonly backup: BackupRecord;
}

/**
 * What recoveries from each backup reach, one range for each timeline on their ways. A timeline whose history cannot be
 * read is followed by nobody, and a backup without the WAL that makes it consistent leads nowhere.
 */
export function reachesOf(survey: RestoreSurvey): Reach[] {
  const reaches = new Map<string, Reach>();
  for (const timeline of knownTimelines(survey)) {
    if (survey.unusable.has(timeline)) continue;
    for (const backup of backupsOn(survey, timeline)) {
      const path = walPath(survey, timeline, backup.startLsn);
      // Nothing of a path that ends before the backup does.
      for (const range of rangesOf(path, backup.stopLsn)) {
        const key = `${backup.id} ${range.timeline}`;
        const known = reaches.get(key);
        if (known === undefined || known.to < range.to) reaches.set(key, { ...range, backup });
      }
    }
  }
  return [...reaches.values()];
}

/** The part of the way behind `start`, cut where it goes on to another timeline. */
function rangesOf({ timeline, history, endLsn }: WalPath, start: Lsn): LsnRange[] {
  const ranges: LsnRange[] = [];
  let from = start;
  for (const { timeline: ancestor, switchpoint } of [...history, { timeline, switchpoint: endLsn }]) {
    const to = switchpoint < endLsn ? switchpoint : endLsn;
    if (to <= from) continue;
    ranges.push({ timeline: ancestor, from, to });
    from = to;
  }
  return ranges;
}

/** The newest backup from which a recovery reaches the record that ends at this position; undefined: none does. */
export function newestReach(
  reaches: readonly Reach[],
  { timeline, lsn }: { readonly timeline: number; readonly lsn: Lsn },
): Reach | undefined {
  let newest: Reach | undefined;
  for (const reach of reaches) {
    if (reach.timeline !== timeline || lsn <= reach.from || lsn > reach.to) continue;
    if (newest === undefined || reach.backup.stopLsn > newest.backup.stopLsn) newest = reach;
  }
  return newest;
}
