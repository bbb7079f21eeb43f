import { formatDuration, formatSize } from '../../base/units.ts';
import type { RestoreResult } from '../../operations/restore/restore.ts';
import { describeTarget } from '../../operations/restore/target.ts';

export function renderRestore(result: RestoreResult): string {
  const { plan, repository, directory, tablespaces, settings, isRestored } = result;
  const { backup } = plan;
  const lines = [
    isRestored
      ? `Restored into ${directory} in ${formatDuration(result.elapsedMs)}.`
      : `Would restore into ${directory}; nothing was written.`,
    '',
    `  backup       ${backup.id} (${formatSize(backup.sizeBytes)}, ${backup.fileCount} files) from ${repository}`,
    `  target       ${describeTarget(plan.target)}`,
    `  timeline     ${plan.timeline}`,
    ...tablespaces.map(({ oid, directory }) => `  tablespace   ${oid} in ${directory}`),
    `  archive_mode ${settings.archiveMode === 'off' ? 'off, so that this copy cannot harm its origin' : 'as it was'}`,
    ...(isRestored
      ? ['', `Start PostgreSQL on ${directory}: it recovers from the archive to the target.`]
      : []),
  ];
  return `${lines.join('\n')}\n`;
}
