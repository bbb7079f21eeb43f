/** The rule `keep-within`: the backups of the last days, each by itself, without the moments between them. Pure. */
import { formatDuration } from '../../../base/units.ts';
import type { KnownBackup } from '../state.ts';
import type { Mark } from './mark.ts';

export function keepWithin(
  backups: readonly KnownBackup[],
  { withinMs, now }: { readonly withinMs: number; readonly now: Date },
): Mark[] {
  const begin = now.getTime() - withinMs;
  return backups
    .filter(({ record }) => record.stopTime.getTime() > begin)
    .map(backup => ({
      backup,
      code: 'keep-within',
      text: `ended within ${formatDuration(withinMs)}`,
    }));
}
