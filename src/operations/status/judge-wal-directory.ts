/** The judgement on `pg_wal`: what waits there to be archived, and how long an outage of the archive may last. Pure. */
import { formatCount, formatDuration, formatSize } from '../../base/units.ts';
import { isKnown, knownOf, type StatusFacts, type Unknown } from './facts.ts';
import { fullAt } from './growth.ts';
import type { Finding } from './level.ts';
import type { WalDirectoryStatus } from './result.ts';

export interface WalDirectoryQuestion {
  readonly facts: StatusFacts;
  /** Plain bytes that the server writes on a day; undefined: not known. */
  readonly bytesPerDay: number | undefined;
  /** True: archive_command fails. */
  readonly isFailing: boolean;
  readonly now: Date;
}

const hourMs = 3_600_000;

/** While archiving works, this is how long an outage may last; while it fails, the time that is left. */
const alarmingHours = { working: { warning: 6, critical: 1 }, failing: { warning: 72, critical: 24 } };
const alarmingShare = { warning: 0.1, critical: 0.03 };

export function judgeWalDirectory(question: WalDirectoryQuestion): {
  readonly status: WalDirectoryStatus;
  readonly findings: readonly Finding[];
} {
  const { facts, bytesPerDay, now } = question;
  const host = knownOf(facts.host);
  const server = knownOf(facts.server);
  const geometry = host?.control.geometry ?? server?.geometry;
  const readySegments = knownOf(host?.readySegments) ?? server?.readySegments;
  const disk = knownOf(host?.disk);
  const status = {
    readySegments,
    readyBytes:
      readySegments === undefined || geometry === undefined
        ? undefined
        : readySegments * geometry.segmentSizeBytes,
    disk,
    bytesPerDay,
    fullAt: disk && fullAt(disk, bytesPerDay, now),
  };
  return {
    status,
    findings: [
      ...unknownFindings(facts, status),
      ...queueFindings(facts, status),
      ...roomFindings(question, status),
    ],
  };
}

const subject = 'pg_wal';

/** A host without the server's files is no fault, and the room in `pg_wal` is not known there. */
function unknownFindings({ host }: StatusFacts, { readySegments }: WalDirectoryStatus): Finding[] {
  if (host === undefined) return [];
  const problems: Unknown[] = [];
  if (isKnown(host)) {
    const { readySegments: ready, disk } = host.known;
    if (!isKnown(disk)) problems.push(disk);
    if (!isKnown(ready) && readySegments === undefined) problems.push(ready);
  } else problems.push(host);
  return problems.slice(0, 1).map(({ unknown, hint }) => ({
    level: 'unknown',
    code: 'pg-wal-unreadable',
    subject,
    message: `cannot be looked at: ${unknown}`,
    hint: hint ?? 'Run this as the user PostgreSQL runs as.',
  }));
}

/** Without a limit, the room on the disk decides. */
function queueFindings(
  { queueLimitBytes }: StatusFacts,
  { readySegments, readyBytes }: WalDirectoryStatus,
): Finding[] {
  if (queueLimitBytes === undefined || readySegments === undefined || readyBytes === undefined) return [];
  if (readyBytes <= queueLimitBytes / 2) return [];
  return [
    {
      level: readyBytes > queueLimitBytes ? 'critical' : 'warning',
      code: 'queue',
      subject,
      message: `${formatCount(readySegments, 'segment')} (${formatSize(readyBytes)}) wait to be archived; above archive.queue-limit (${formatSize(queueLimitBytes)}) the oldest are given up`,
      hint: 'Let the repository be reachable again; docs/queue-limit.md says what a loss costs.',
    },
  ];
}

function roomFindings(
  { isFailing, now }: WalDirectoryQuestion,
  { disk, fullAt: isFullAt }: WalDirectoryStatus,
): Finding[] {
  if (disk === undefined) return [];
  const { freeBytes, sizeBytes } = disk;
  const hours = isFullAt === undefined ? Infinity : (isFullAt.getTime() - now.getTime()) / hourMs;
  const limits = isFailing ? alarmingHours.failing : alarmingHours.working;
  const share = sizeBytes > 0 ? freeBytes / sizeBytes : 1;
  const isBelow = (level: 'warning' | 'critical') => hours < limits[level] || share < alarmingShare[level];
  if (!isBelow('warning') && !isBelow('critical')) return [];
  const inTime = isFullAt === undefined ? '' : ` ${formatDuration(hours * hourMs)}`;
  const when =
    isFullAt === undefined
      ? ''
      : isFailing
        ? `, which is full in${inTime} at today's rate, and then the server stops`
        : `, which an outage of the archive fills in${inTime} at today's rate`;
  return [
    {
      level: isBelow('critical') ? 'critical' : 'warning',
      code: 'pg-wal-disk',
      subject,
      message: `${formatSize(freeBytes)} of ${formatSize(sizeBytes)} are free on its disk${when}`,
      hint: isFailing
        ? "Look for the archive_command's messages in the server's log. Never remove files from pg_wal by hand."
        : 'Enlarge the disk, or move pg_wal to a larger one.',
    },
  ];
}
