/** What no recovery reaches any more without some backups. Pure. */
import { formatLsn } from '../../postgres/wal/lsn.ts';
import { subtract, union, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import { reachesOf, type LsnRange, type Reach } from '../restore/reaches.ts';
import type { RestoreSurvey } from '../restore/survey.ts';
import type { LostRange } from './decisions.ts';

export function lostWithout(survey: RestoreSurvey, going: ReadonlySet<string>): LostRange[] {
  const reaches = reachesOf(survey);
  const isGoing = ({ backup }: Reach) => going.has(backup.id);
  const left = reaches.filter(reach => !isGoing(reach));
  const kept = left.map(positionsOf);
  return union(reaches.filter(isGoing).map(positionsOf))
    .flatMap(range => subtract(range, kept))
    .map(({ timeline, first, last }) => {
      const [from, to] = [first, last + 1n];
      const lost = reaches.find(
        reach => isGoing(reach) && reach.timeline === timeline && reach.from === from,
      );
      const next = left.find(reach => reach.timeline === timeline && reach.from === to);
      return {
        timeline,
        from,
        to,
        fromLsn: formatLsn(from),
        toLsn: formatLsn(to),
        since: lost?.backup.stopLsn === from ? lost.backup.stopTime : undefined,
        until: next && { backup: next.backup.id, stopTime: next.backup.stopTime },
      };
    });
}

/** Positions as the arithmetic of ranges has them, with both ends included. */
function positionsOf({ timeline, from, to }: LsnRange): SegmentRange {
  return { timeline, first: from, last: to - 1n };
}
