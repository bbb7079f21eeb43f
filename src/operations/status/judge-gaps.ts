/** The judgement on the gaps of a repository. Pure. */
import { formatCount } from '../../base/units.ts';
import { nameRange, subtract } from '../../postgres/wal/segment-range.ts';
import { boundsOf } from '../../repository/wal/lost-wal.ts';
import type { SystemFacts } from './facts.ts';
import type { Finding } from './level.ts';
import { subjectOf, type RepositoryQuestion } from './question.ts';
import type { Recoverable } from './recoverable.ts';
import type { GapStatus } from './result.ts';

/** The gaps that a recovery can meet, of WAL that was given up and of any other. */
export function gapsOf({ archive, backups }: SystemFacts, recoverable: Recoverable | undefined): GapStatus[] {
  if (archive === undefined) return [];
  const { geometry } = archive;
  const records = backups.map(({ record }) => record);
  const given = archive.lost.map(range => ({
    ...range,
    shownBy: 'it was given up',
    acknowledged: undefined,
  }));
  const others = archive.gaps.flatMap(gap => subtract(gap, given));
  return [...others, ...given].flatMap(gap => {
    const { before, beyond } = boundsOf(gap, records, geometry);
    // No recovery leads to a gap before the oldest backup, nor is there any without a backup.
    if (before === undefined || recoverable === undefined) return [];
    const { timeline, shownBy, acknowledged } = gap;
    const isAcknowledged = acknowledged !== undefined;
    return [{ timeline, ...nameRange(gap, geometry), shownBy, isAcknowledged, beyond: beyond?.id }];
  });
}

export function gapFindings({ repository }: RepositoryQuestion, gaps: readonly GapStatus[]): Finding[] {
  const open = gaps.filter(({ isAcknowledged }) => !isAcknowledged);
  const [worstGap] = [...open.filter(({ beyond }) => beyond === undefined), ...open];
  if (worstGap === undefined) return [];
  const { firstSegment, lastSegment, segmentCount, shownBy, beyond } = worstGap;
  const range = segmentCount === 1 ? firstSegment : `${firstSegment} to ${lastSegment}`;
  const more = open.length === 1 ? '' : `, one of ${open.length} gaps`;
  const push = 'If a server still has it in pg_wal, `walvault push --missing` closes the gap';
  return [
    {
      level: beyond === undefined && repository.required ? 'critical' : 'warning',
      code: 'gap',
      subject: subjectOf(repository),
      message: `WAL ${range} (${formatCount(segmentCount, 'segment')}) is missing${more}: ${shownBy}`,
      hint:
        beyond === undefined
          ? `Nothing after it can be recovered. ${push}; else take a backup now.`
          : `Recovery reaches up to it, and again from backup ${beyond} on. ${push}; \`walvault gap ack\` accepts it.`,
    },
  ];
}
