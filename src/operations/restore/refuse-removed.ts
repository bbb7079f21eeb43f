/**
 * The look for a cleanup that was faster: a restore writes its claim and then looks for announcements of removals, a cleanup
 * announces and then looks for claims. The second of the two sees the first.
 */
import { WalvaultError } from '../../base/errors/errors.ts';
import { surveySystem, type SystemSurvey } from '../../repository/survey.ts';
import type { RestorePlan } from './plan.ts';

/**
 * @param survey the survey that the plan was made from
 * @throws WalvaultError `refused` if a removal of something in the plan was announced since then
 */
export async function refuseRemoved(
  survey: SystemSurvey,
  { backup, wal }: RestorePlan,
  signal: AbortSignal,
): Promise<void> {
  const known = new Set(await survey.announcedRemovals());
  const now = surveySystem(survey.repository, survey.system, signal);
  if ((await now.announcedRemovals()).every(key => known.has(key))) return;
  const isExpiring = !(await survey.expiring()).has(backup.id) && (await now.expiring()).has(backup.id);
  const removed = await now.removedWal(backup.geometry);
  const isWalRemoved = removed.some(range =>
    wal.some(
      ({ timeline, first, last }) =>
        timeline === range.timeline && first <= range.last && range.first <= last,
    ),
  );
  if (!isExpiring && !isWalRemoved) return;
  throw new WalvaultError(
    'refused',
    `${survey.repository.store.url}: a cleanup has just begun to remove ${isExpiring ? `backup ${backup.id}` : 'WAL that this restore needs'}`,
    { hint: 'Restore again when the cleanup has ended: it keeps what a restore has claimed before it.' },
  );
}
