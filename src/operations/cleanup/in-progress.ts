/** The backups in progress: backups with a claim, perhaps with parts, and without a commit record. Pure. */
import type { KnownBackup, PlanInput, RetentionLimits, UnfinishedBackup } from './state.ts';

/** True for a backup that was written to recently and that no earlier cleanup announced to remove. */
export function isInProgress(
  backup: UnfinishedBackup,
  { state, now }: Pick<PlanInput, 'state' | 'now'>,
  limits: RetentionLimits,
): boolean {
  if (state.expiring.has(backup.id)) return false;
  // Whoever may add objects could keep the other time recent for ever.
  const since = isProven(backup) ? backup.lastModified : backup.firstModified;
  return since.getTime() >= now.getTime() - limits.inProgressMs;
}

/** False for a claim that no trusted signer wrote where one must: it protects its own directory alone. */
export function isProven({ claim }: Pick<UnfinishedBackup, 'claim'>): boolean {
  return claim.kind !== 'unproven';
}

/** The backups that surely begin before the unfinished backup, whatever its restart point is. */
export function endedBefore(
  unfinished: UnfinishedBackup,
  counted: readonly KnownBackup[],
  limits: RetentionLimits,
): KnownBackup[] {
  const latestMs = unfinished.firstModified.getTime() - limits.commitDelayMs;
  return counted.filter(({ record }) => record.stopTime.getTime() < latestMs);
}
