/** The position at which recovery to a target stops: every record that begins before it is replayed. Pure. */
import type { Lsn } from '../../postgres/wal/lsn.ts';
import type { ReachedTarget } from './reach.ts';
import type { RestoreSurvey } from './survey.ts';
import type { RestoreTarget } from './target.ts';
import type { WalEvidence } from './wal-evidence.ts';

export interface StopQuestion {
  readonly survey: RestoreSurvey;
  readonly reached: ReachedTarget;
  readonly target: RestoreTarget;
  readonly evidence: WalEvidence;
}

/**
 * The position; undefined for the end of the archive and of a backup, which name no instant. Of a time it is found by
 * halving the archive, which is right as long as the server's clock never went back; `isExact` reads all WAL instead.
 */
export async function stopPosition(question: StopQuestion, isExact: boolean): Promise<Lsn | undefined> {
  const { reached, target } = question;
  switch (target.kind) {
    case 'end':
    case 'immediate':
      return undefined;
    case 'time': {
      const { backup, path } = reached;
      const range = isExact ? { from: backup.stopLsn, to: path.endLsn } : await rangeOfTime(question, target);
      return (await question.evidence.find(path, target, range))?.lsn;
    }
    default: {
      if (target.kind === 'lsn' && !target.inclusive) return target.lsn;
      const { stopsAt } = reached;
      const isAfter = target.kind === 'name' || target.inclusive;
      return stopsAt === undefined ? undefined : stopsAt.lsn + (isAfter ? 1n : 0n);
    }
  }
}

/** The segments around the first commit after the time. Commits of a moment may be out of order: one segment more. */
async function rangeOfTime(
  { survey, reached, evidence }: StopQuestion,
  target: RestoreTarget & { kind: 'time' },
): Promise<{ from: Lsn; to: Lsn }> {
  const { geometry } = survey;
  const { backup, path } = reached;
  const isPast = (time: bigint) => (target.inclusive ? time > target.timeMicros : time >= target.timeMicros);
  const first = geometry.segmentOf(backup.stopLsn);
  let low = first;
  let high = geometry.lastSegmentBefore(path.endLsn);
  while (low < high) {
    const middle = (low + high) / 2n;
    const last = await evidence.lastCommit(path, geometry.endLsn(middle));
    if (last !== undefined && isPast(last)) high = middle;
    else low = middle + 1n;
  }
  const to = geometry.endLsn(low + 1n);
  return {
    from: low > first + 1n ? geometry.startLsn(low - 1n) : backup.stopLsn,
    to: to < path.endLsn ? to : path.endLsn,
  };
}
