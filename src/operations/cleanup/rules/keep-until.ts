/** What `backup --keep-for` promised: a backup stays until the time in its record, whatever the other rules say. Pure. */
import type { KnownBackup } from '../state.ts';
import type { Mark } from './mark.ts';

export function keepUntil(
  backups: readonly KnownBackup[],
  clock: { readonly now: Date; readonly clockSkewMs: number },
): Mark[] {
  return backups
    .filter(backup => isHeld(backup, clock))
    .map(backup => ({
      backup,
      code: 'keep-until',
      text: `to be kept until ${backup.record.keepUntil?.toISOString() ?? ''}`,
    }));
}

/** True before the time that its record promises; clocks may differ, so a little longer. */
export function isHeld(
  { record }: KnownBackup,
  { now, clockSkewMs }: { readonly now: Date; readonly clockSkewMs: number },
): boolean {
  return record.keepUntil !== undefined && record.keepUntil.getTime() + clockSkewMs > now.getTime();
}
