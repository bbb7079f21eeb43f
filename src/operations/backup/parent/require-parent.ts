/** The parent of a backup whose claim has just been written. */
import { WalvaultError } from '../../../base/errors/errors.ts';
import type { BackupRecord } from '../../../repository/format/backup-record.ts';
import type { SystemPath } from '../../../repository/format/layout.ts';
import type { Repository } from '../../../repository/repository.ts';
import { surveySystem } from '../../../repository/survey.ts';

/**
 * Once the claim names the parent, no cleanup begins to remove it. One that had begun has announced it before.
 * @throws WalvaultError `conflict`
 */
export async function requireParent(
  repository: Repository,
  system: SystemPath,
  { id }: BackupRecord,
  signal: AbortSignal,
): Promise<void> {
  const survey = surveySystem(repository, system, signal);
  const isThere = (await survey.believedBackups()).some(({ record }) => record.id === id);
  if (isThere && !(await survey.expiring()).has(id)) return;
  throw new WalvaultError(
    'conflict',
    `${repository.store.url}: cleanup removes backup ${id}, which this one builds on`,
    {
      hint: 'Take the backup again; it gets another parent, or is a full one.',
    },
  );
}
