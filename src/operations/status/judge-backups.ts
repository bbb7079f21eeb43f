/** The judgement on the backups of a repository: is there one to restore, and when does the next one come? Pure. */
import { formatCount, formatDuration } from '../../base/units.ts';
import { anomalyHint, describeAnomaly, described } from '../../repository/format/notes/anomaly.ts';
import { newestOf } from '../../repository/live-systems.ts';
import { begunAt, describeOverdue, findOverdueBackup, newestBackup, overdueHint } from '../overdue-backup.ts';
import { describeDamagedPages } from '../damaged-pages.ts';
import type { BackupFacts, SystemFacts } from './facts.ts';
import type { Finding } from './level.ts';
import { subjectOf, type RepositoryQuestion } from './question.ts';
import type { Recoverable } from './recoverable.ts';
import type { BackupsStatus, NewestBackup } from './result.ts';

export interface JudgedBackups {
  readonly status: BackupsStatus;
  readonly findings: readonly Finding[];
}

export function judgeBackups(question: RepositoryQuestion, recoverable?: Recoverable): JudgedBackups {
  const { system, facts } = question;
  const backups = system?.backups ?? [];
  const isRestorable = ({ record, problem }: BackupFacts) =>
    problem === undefined && recoverable?.withoutWal.includes(record.id) !== true;
  const restorable = backups.filter(isRestorable);
  const newest = newestBackup(backups);
  const newestFacts = backups.find(({ record }) => record === newest?.record);
  const overdue = system && overdueOf(question, system);
  const { backupIntervalMs: intervalMs } = facts;
  return {
    status: {
      count: backups.length,
      restorableCount: restorable.length,
      newest: newestFacts && system && describeNewest(newestFacts, system, isRestorable(newestFacts)),
      dueAt:
        newest === undefined || intervalMs === undefined
          ? undefined
          : new Date(begunAt(newest).getTime() + intervalMs),
      isOverdue: overdue !== undefined,
      unfinished: system?.unfinished ?? [],
    },
    findings: [
      ...presenceFindings(question, { restorable, recoverable }),
      ...(overdue === undefined ? [] : [overdueFinding(question, overdue)]),
      ...newestFindings(question, newestFacts),
    ],
  };
}

function overdueOf({ facts, now }: RepositoryQuestion, { firstSeen, archive, backups }: SystemFacts) {
  return findOverdueBackup({
    intervalMs: facts.backupIntervalMs,
    backups: backups.filter(({ problem }) => problem === undefined),
    firstSeen,
    lastArchivedAt: newestOf(archive?.survey.runs),
    now,
  });
}

function overdueFinding(
  { repository }: RepositoryQuestion,
  overdue: NonNullable<ReturnType<typeof findOverdueBackup>>,
): Finding {
  const isFarTooLate = overdue.ageMs > 2 * overdue.intervalMs;
  return {
    level: repository.required && isFarTooLate ? 'critical' : 'warning',
    code: 'backup-overdue',
    subject: subjectOf(repository),
    message: describeOverdue(overdue),
    hint: overdueHint,
  };
}

const bringBack =
  'Bring it back from another repository (`walvault copy`) or older versions of the bucket, or take a new backup.';

function presenceFindings(
  { repository, system }: RepositoryQuestion,
  found: { readonly restorable: readonly BackupFacts[]; readonly recoverable: Recoverable | undefined },
): Finding[] {
  if (system === undefined) return [];
  const subject = subjectOf(repository);
  const { backups } = system;
  const broken = backups.find(({ problem }) => problem !== undefined);
  const [withoutWal] = found.recoverable?.withoutWal ?? [];
  if (found.restorable.length === 0) {
    const why = broken === undefined ? withoutWalText(withoutWal) : `: ${broken.record.id} ${broken.problem}`;
    return [
      {
        level: repository.required ? 'critical' : 'warning',
        code: 'no-backup',
        subject,
        message: backups.length === 0 ? 'there is no backup' : `no backup can be restored${why}`,
        hint: 'Nothing can be recovered from here. Run `walvault backup`.',
      },
    ];
  }
  if (broken === undefined && withoutWal === undefined) return [];
  const count = backups.length - found.restorable.length;
  return [
    {
      level: 'warning',
      code: 'broken-backup',
      subject,
      message: `${formatCount(count, 'backup')} cannot be restored${broken === undefined ? withoutWalText(withoutWal) : `: ${broken.record.id} ${broken.problem}`}`,
      hint: bringBack,
    },
  ];
}

function withoutWalText(id: string | undefined): string {
  return id === undefined ? '' : `: WAL that makes ${id} consistent is missing`;
}

function newestFindings({ repository, system, now }: RepositoryQuestion, newest?: BackupFacts): Finding[] {
  if (newest === undefined || system === undefined) return [];
  const subject = subjectOf(repository);
  const { record, committedAt } = newest;
  const findings: Finding[] = [];
  const anomalies = system.anomalies.get(record.id) ?? [];
  if (anomalies.length > 0)
    findings.push({
      level: 'warning',
      code: 'anomaly',
      subject,
      message: `backup ${record.id}, the newest, is out of the ordinary: ${anomalies.map(describeAnomaly).join('; ')}`,
      hint: anomalyHint(anomalies),
    });
  if (record.damagedPages > 0)
    findings.push({
      level: 'warning',
      code: 'damaged-pages',
      subject,
      message: `backup ${record.id}, the newest, has ${describeDamagedPages(record)}`,
      hint: 'Check the disk of the server, and restore the relation from an older backup.',
    });
  const aheadMs = committedAt.getTime() - now.getTime();
  if (aheadMs > clockSkewMs)
    findings.push({
      level: 'warning',
      code: 'clock',
      subject,
      message: `backup ${record.id} reached the store ${formatDuration(aheadMs)} from now, by the store's clock`,
      hint: 'Set the clocks of this host and of the store: ages and lags are computed from them.',
    });
  return findings;
}

const clockSkewMs = 3_600_000;

function describeNewest(
  { record, storedBytes }: BackupFacts,
  { anomalies }: SystemFacts,
  isRestorable: boolean,
): NewestBackup {
  const { id, startTime, stopTime, sizeBytes, damagedPages } = record;
  return {
    id,
    startTime,
    stopTime,
    sizeBytes,
    storedBytes,
    damagedPages,
    isRestorable,
    anomalies: described(anomalies.get(id) ?? []),
  };
}
