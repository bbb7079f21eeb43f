/** The judgement on the disk of a directory repository. Pure. */
import { formatDuration, formatSize } from '../../base/units.ts';
import { isKnown, type RepositoryFacts } from './facts.ts';
import type { Finding } from './level.ts';
import { subjectOf } from './question.ts';

export interface DiskQuestion {
  readonly repository: Pick<RepositoryFacts, 'name' | 'disk' | 'hasRetention'>;
  /** When it is full at the rate of the last days; undefined: not known, or never. */
  readonly fullAt: Date | undefined;
  readonly now: Date;
}

const dayMs = 86_400_000;

/** Where cleanup has a policy, it frees as much as is added: only little time is alarming. */
const alarmingDays = {
  withRetention: { warning: 3, critical: 1 },
  without: { warning: 14, critical: 3 },
};
const alarmingShare = { warning: 0.1, critical: 0.03 };

export function judgeDisk({ repository, fullAt, now }: DiskQuestion): Finding[] {
  const { disk, hasRetention } = repository;
  if (disk === undefined) return [];
  const subject = subjectOf(repository);
  const code = 'repository-disk';
  if (!isKnown(disk))
    return [
      {
        level: 'unknown',
        code,
        subject,
        message: `the room on its disk is not known: ${disk.unknown}`,
        hint: disk.hint ?? 'Look whether the directory is mounted.',
      },
    ];
  const { freeBytes, sizeBytes } = disk.known;
  const days = fullAt === undefined ? Infinity : (fullAt.getTime() - now.getTime()) / dayMs;
  const limits = hasRetention ? alarmingDays.withRetention : alarmingDays.without;
  const share = sizeBytes > 0 ? freeBytes / sizeBytes : 1;
  const isBelow = (level: 'warning' | 'critical') => days < limits[level] || share < alarmingShare[level];
  if (!isBelow('warning') && !isBelow('critical')) return [];
  const when =
    fullAt === undefined
      ? ''
      : `, and at the rate of the last days it is full in ${formatDuration(days * dayMs)}${hasRetention ? ', unless cleanup frees some' : ''}`;
  return [
    {
      level: isBelow('critical') ? 'critical' : 'warning',
      code,
      subject,
      message: `${formatSize(freeBytes)} of ${formatSize(sizeBytes)} are free on its disk${when}`,
      hint: hasRetention
        ? 'Does `walvault cleanup` run? Shorten the retention, or enlarge the disk.'
        : 'Nothing is ever removed: set retention.recovery-window and run `walvault cleanup` from cron, or enlarge the disk.',
    },
  ];
}
