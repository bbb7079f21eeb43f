/** The judgement on one repository: what can be recovered from it, and what it lacks. Pure. */
import { formatCount } from '../../base/units.ts';
import { formatLsn, type Lsn } from '../../postgres/wal/lsn.ts';
import { newestOf, systemsSideBySide, describeSideBySide } from '../../repository/live-systems.ts';
import { splitBrains, describeSplitBrain } from '../../repository/wal/live-timelines.ts';
import type { VerifiedRun } from '../../repository/format/notes/verified.ts';
import type { RestoreInProgress } from '../../repository/restores-in-progress.ts';
import { isKnown, knownOf } from './facts.ts';
import { fullAt, growthOf } from './growth.ts';
import { judgeBackups } from './judge-backups.ts';
import { judgeDisk } from './judge-disk.ts';
import { gapFindings, gapsOf } from './judge-gaps.ts';
import { lagFindings, lagOf } from './judge-lag.ts';
import { worst, type Finding } from './level.ts';
import { subjectOf, type RepositoryQuestion } from './question.ts';
import { findRecoverable, type Recoverable } from './recoverable.ts';
import type { RecoverablePoint, RepositoryStatus, RestoreStatus, VerificationStatus } from './result.ts';

export interface JudgedRepository {
  readonly status: RepositoryStatus;
  readonly findings: readonly Finding[];
}

const gibibyte = 1024 ** 3;

export function judgeRepository(question: RepositoryQuestion): JudgedRepository {
  const { facts, repository, system, now } = question;
  const { name, url, required, pricePerGib } = repository;
  const archive = system?.archive;
  const recoverable = archive && findRecoverable(archive.survey, knownOf(facts.server)?.timeline);
  const lag = lagOf(question, recoverable?.windows.at(-1));
  const gaps = system === undefined ? [] : gapsOf(system, recoverable);
  const backups = judgeBackups(question, recoverable);
  const stored = system && {
    walBytes: (archive?.survey.runs ?? []).reduce((sum, { storedBytes }) => sum + storedBytes, 0),
    backupBytes: system.backupBytes,
  };
  const growth = system && growthOf(system, now);
  const disk = knownOf(repository.disk);
  const isFullAt = disk && fullAt(disk, growth && growth.walBytesPerDay + growth.backupBytesPerDay, now);
  const findings = [
    ...readingFindings(question),
    ...backups.findings,
    ...lagFindings(question, lag),
    ...gapFindings(question, gaps),
    ...branchFindings(question, recoverable),
    ...strangeFindings(question),
    ...verifiedFindings(question),
    ...judgeDisk({ repository, fullAt: isFullAt, now }),
  ];
  const otherSystems = (knownOf(repository.systems) ?? []).filter(other => other !== system);
  const windows = recoverable?.windows ?? [];
  const [first] = windows;
  const last = windows.at(-1);
  return {
    findings,
    status: {
      name,
      url,
      required,
      level: worst(findings.map(({ level }) => level)),
      isReadable: isKnown(repository.systems),
      systemId: system?.systemId,
      otherSystems: otherSystems.map(({ systemId }) => systemId),
      timeline: recoverable?.timeline,
      otherTimelines: recoverable?.otherTimelines ?? [],
      newest: last && pointOf(last.timeline, last.toLsn, last.toTime),
      oldest: first && pointOf(first.timeline, first.fromLsn, first.fromTime),
      lag,
      windows: windows.map(one => ({ ...one, fromLsn: formatLsn(one.fromLsn), toLsn: formatLsn(one.toLsn) })),
      windowCount: recoverable?.windowCount ?? 0,
      gaps,
      backups: backups.status,
      stored,
      growth,
      pricePerGib,
      costPerMonth:
        stored && pricePerGib !== undefined
          ? ((stored.walBytes + stored.backupBytes) / gibibyte) * pricePerGib
          : undefined,
      disk: disk && { ...disk, fullAt: isFullAt },
      passedOver: system?.passedOver.count ?? 0,
      restores: (system?.restores ?? []).slice(0, mostRestores).map(describeRestore),
      verified: {
        last: describeRun(system?.verified.last),
        lastSound: describeRun(system?.verified.lastSound),
      },
    },
  };
}

/** Anybody who can add objects can claim very many. */
const mostRestores = 100;

function describeRestore(restore: RestoreInProgress): RestoreStatus {
  const { backupId, stage, host, user, directory, target, startTime, doneBytes, totalBytes, heldUntil } =
    restore;
  return {
    backup: backupId,
    stage,
    host,
    user,
    directory,
    target,
    startTime,
    doneBytes,
    totalBytes,
    heldUntil,
  };
}

function describeRun(run: VerifiedRun | undefined): VerificationStatus | undefined {
  return run && { at: run.verifiedAt, depth: run.depth, damaged: run.damaged };
}

function pointOf(timeline: number, lsn: Lsn, time: Date | undefined): RecoverablePoint {
  return { timeline, lsn: formatLsn(lsn), positionBytes: Number(lsn), time };
}

function readingFindings({ facts, repository, system }: RepositoryQuestion): Finding[] {
  const { systems } = repository;
  const subject = subjectOf(repository);
  if (!isKnown(systems))
    return [
      {
        level: 'unknown',
        code: 'repository-unreadable',
        subject,
        message: `cannot be read: ${systems.unknown}`,
        hint: systems.hint ?? '`walvault check` proves each link to it.',
      },
    ];
  if (system !== undefined) return [];
  const others = systems.known.map(({ systemId }) => systemId);
  const message =
    others.length === 0
      ? 'holds nothing of this cluster'
      : `holds nothing of this server's system, only of ${others.join(', ')}`;
  return [
    {
      level: repository.required ? 'critical' : 'warning',
      code: 'nothing-archived',
      subject,
      message,
      hint: isKnown(facts.server)
        ? 'Set archive_command to `walvault push %p`, and take a backup.'
        : 'Is `cluster` in the configuration the name it was archived under?',
    },
  ];
}

function branchFindings({ repository, system }: RepositoryQuestion, recoverable?: Recoverable): Finding[] {
  const subject = subjectOf(repository);
  const findings: Finding[] = [];
  const problem = recoverable?.problem;
  if (problem !== undefined)
    findings.push({
      level: 'warning',
      code: 'branch',
      subject,
      message: problem.message,
      hint: problem.hint ?? '`walvault list timelines` shows the branches.',
    });
  const evidence = system?.archive?.survey;
  const [split] = evidence === undefined ? [] : splitBrains(evidence);
  if (split !== undefined)
    findings.push({
      level: 'warning',
      code: 'split-brain',
      subject,
      message: describeSplitBrain(split),
      hint: 'Stop the server that nobody uses, or give a copy a `cluster` of its own. `walvault list` shows both.',
    });
  return findings;
}

function verifiedFindings({ repository, system }: RepositoryQuestion): Finding[] {
  const last = system?.verified.last;
  if (last === undefined || last.damaged === 0) return [];
  return [
    {
      level: repository.required ? 'critical' : 'warning',
      code: 'damage',
      subject: subjectOf(repository),
      message: `${formatCount(last.damaged, 'finding')} of damage when it was last verified, ${last.verifiedAt.toISOString()}`,
      hint: 'Run `walvault verify`: it says what can no longer be restored, and what would repair it.',
    },
  ];
}

/** What decides nothing, and what should not be there. */
function strangeFindings({ repository, system }: RepositoryQuestion): Finding[] {
  const subject = subjectOf(repository);
  const findings: Finding[] = [];
  const { passedOver, unreadable } = system ?? {};
  if (passedOver?.first !== undefined)
    findings.push({
      level: 'warning',
      code: 'passed-over',
      subject,
      message: `${formatCount(passedOver.count, 'object')} ${passedOver.count === 1 ? 'counts' : 'count'} for nothing: ${passedOver.first.key} ${passedOver.first.problem}`,
      hint: 'If one of your hosts wrote it, name its public signing key in signing.trusted-signers; else somebody may have planted it.',
    });
  else if (unreadable?.first !== undefined)
    findings.push({
      level: 'warning',
      code: 'passed-over',
      subject,
      message: `${formatCount(unreadable.count, 'commit record')} cannot be used: ${unreadable.first}`,
      hint: 'Bring it back from another repository with `walvault copy`, or take a new backup.',
    });
  const activity = (knownOf(repository.systems) ?? []).map(({ systemId, firstSeen, archive }) => ({
    systemId,
    firstSeen,
    lastArchivedAt: newestOf(archive?.survey.runs),
  }));
  const beside = systemsSideBySide(activity).map(({ systemId }) => systemId);
  if (beside.length > 0)
    findings.push({
      level: 'warning',
      code: 'side-by-side',
      subject,
      message: describeSideBySide(beside),
      hint: 'Give each server a `cluster` of its own in its configuration.',
    });
  return findings;
}
