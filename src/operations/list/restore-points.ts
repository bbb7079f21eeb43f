/** The noted restore points of a system, each with whether a restore can still stop at it. */
import { formatLsn } from '../../postgres/wal/lsn.ts';
import type { SystemSurvey } from '../../repository/survey.ts';
import { reachesOf } from '../restore/reaches.ts';
import { restorableAt } from '../restore/restorable.ts';
import { surveyForReport } from '../restore/survey.ts';
import type { ListedRestorePoint } from './listing.ts';

/** In the order of timeline and position. Only those that `walvault restore-point` made are noted. */
export async function listRestorePoints(survey: SystemSurvey): Promise<ListedRestorePoint[]> {
  const points = await survey.restorePoints();
  if (points.length === 0) return [];
  const restores = await surveyForReport(survey);
  const reaches = restores === undefined ? [] : reachesOf(restores);
  const counts = new Map<string, number>();
  for (const { name } of points) counts.set(name, (counts.get(name) ?? 0) + 1);
  return points
    .toSorted((a, b) => a.timeline - b.timeline || Number(a.lsn - b.lsn))
    .map(point => ({
      ...point,
      lsn: formatLsn(point.lsn),
      restorable:
        restores === undefined
          ? { state: 'gone', why: 'no backup is there' }
          : restorableAt(restores, reaches, point),
      sameNameCount: counts.get(point.name) ?? 1,
    }));
}
