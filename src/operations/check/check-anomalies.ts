/** The findings on what is noticed by itself: an odd newest backup, and a cluster that has had none for too long. */
import type { Config } from '../../config/index.ts';
import { anomalyHint, describeAnomaly } from '../../repository/format/notes/anomaly.ts';
import { newestOf } from '../../repository/live-systems.ts';
import type { SystemSurvey } from '../../repository/survey.ts';
import { describeOverdue, findOverdueBackup, newestBackup, overdueHint } from '../overdue-backup.ts';
import { warning, type Finding } from './checklist.ts';

/** Later backups are compared with an odd one, too: only the newest is worth a warning. */
export async function anomalyFindings(
  survey: SystemSurvey,
  { backupIntervalMs, now }: Pick<Config['status'], 'backupIntervalMs'> & { readonly now: Date },
): Promise<Finding[]> {
  const backups = await survey.believedBackups();
  const findings: Finding[] = [];
  const newest = newestBackup(backups)?.record.id ?? '';
  const anomalies = (await survey.anomalies()).get(newest) ?? [];
  if (anomalies.length > 0)
    findings.push(
      warning(
        `backup ${newest} is out of the ordinary: ${anomalies.map(describeAnomaly).join('; ')}`,
        anomalyHint(anomalies),
      ),
    );
  const geometry = await survey.geometry();
  if (geometry === undefined) return findings;
  const overdue = findOverdueBackup({
    intervalMs: backupIntervalMs,
    backups,
    firstSeen: (await survey.clusterRecord())?.firstSeen,
    lastArchivedAt: newestOf((await survey.wal(geometry)).runs),
    now,
  });
  if (overdue !== undefined) findings.push(warning(describeOverdue(overdue), overdueHint));
  return findings;
}
