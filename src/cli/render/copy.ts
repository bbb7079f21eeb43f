/** The result of `copy`, for people and as JSON. */
import { formatCount, formatSize } from '../../base/units.ts';
import type { CopyResult } from '../../operations/copy/report.ts';

export function renderCopy(result: CopyResult): string {
  const { from, to, isDryRun, copied, identical, conflicts, failures, backups } = result;
  const lines = [
    `copy of "${from}" to "${to}"${isDryRun ? ' (dry run, nothing written)' : ''}`,
    `  ${isDryRun ? 'to copy ' : 'copied  '}  ${formatCount(copied.objects, 'object')}, ${formatSize(copied.bytes)}`,
    `  there     ${formatCount(identical, 'object')}`,
    ...(conflicts.length > 0
      ? [`  CONFLICT  ${formatCount(conflicts.length, 'object')} with other content`]
      : []),
    ...(failures.length > 0 ? [`  FAILED    ${formatCount(failures.length, 'object')}`] : []),
    ...backups.map(
      ({ id, outcome, reason }) =>
        `  backup    ${id}: ${outcome}${reason === undefined ? '' : `, ${reason}`}`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}

/** The published shape (docs/reference/json.md). */
export function copyJson(result: CopyResult) {
  const { from, to, isDryRun, copied, identical, conflicts, failures, backups } = result;
  return {
    from,
    to,
    dryRun: isDryRun,
    copied,
    identical,
    conflicts,
    failures,
    backups: backups.map(({ id, outcome, reason }) => ({ id, outcome, reason: reason ?? null })),
  };
}
