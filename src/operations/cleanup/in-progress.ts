/** Backups that are being taken: a claim, perhaps parts, and no commit record yet. Pure. */
import type { KnownBackup, PlanInput, RetentionLimits, UnfinishedBackup } from './state.ts';

/** Not too old, and not the rest of one that an earlier cleanup announced to remove. */
export function isInProgress(
  backup: UnfinishedBackup,
  { state, now }: Pick<PlanInput, 'state' | 'now'>,
  limits: RetentionLimits,
): boolean {
  if (state.expiring.has(backup.id)) return false;
  return backup.lastModified.getTime() >= now.getTime() - limits.inProgressMs;
}

/** Backups that surely begin before the unfinished one does, whatever restart point it begins at. */
export function endedBefore(
  unfinished: UnfinishedBackup,
  counted: readonly KnownBackup[],
  limits: RetentionLimits,
): KnownBackup[] {
  const latestMs = unfinished.firstModified.getTime() - limits.commitDelayMs;
  return counted.filter(({ record }) => record.stopTime.getTime() < latestMs);
}
