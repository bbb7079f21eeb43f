/** The result of `restore-point`, for people and as JSON. */
import type { RestorePointResult } from '../../operations/restore-point/options.ts';

export function renderRestorePoint({ point, notedIn }: RestorePointResult): string {
  const { name, timeline, lsn, madeAt } = point;
  const where = notedIn.map(repository => `"${repository}"`).join(', ');
  return `restore point "${name}": made ${madeAt.toISOString()} at ${lsn} on timeline ${timeline}${where === '' ? '' : `, noted in ${where}`}\n`;
}

/** The published shape (docs/reference/json.md). */
export function restorePointResultJson({ systemId, point, notedIn, failures }: RestorePointResult): unknown {
  const { name, timeline, lsn, madeAt, user, host } = point;
  return {
    systemId,
    name,
    timeline,
    lsn,
    madeAt,
    user,
    host,
    notedIn,
    failures: failures.map(({ repository, error }) => ({
      repository,
      message: error.message,
      hint: error.hint ?? null,
    })),
  };
}
