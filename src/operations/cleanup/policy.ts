/** The retention policy from flags and configuration. It has no default: people decide what may be deleted. */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { RetentionPolicy } from './state.ts';

export interface PolicyFlags {
  readonly keepLast?: number | undefined;
  readonly keepWithinMs?: number | undefined;
}

/**
 * Chooses the policy. Any flag replaces the whole configured policy: otherwise `--keep-last 2` beside a configured
 * window would have a meaning that the command line does not show. The configured minimum always applies.
 * @throws WalvaultError `usage` without any policy, or with one that would keep nothing
 */
export function choosePolicy(
  flags: PolicyFlags,
  configured: RetentionPolicy,
  isRetired: boolean,
): RetentionPolicy {
  const { minimumBackups } = configured;
  if (isRetired) return { keepLast: undefined, keepWithinMs: undefined, minimumBackups };
  const isFlagged = flags.keepLast !== undefined || flags.keepWithinMs !== undefined;
  const { keepLast, keepWithinMs } = isFlagged ? flags : configured;
  if (keepLast === undefined && keepWithinMs === undefined) {
    throw new WalvaultError('usage', 'cleanup: no policy says what to keep', {
      hint: 'Give --keep-last or --keep-within, or set retention.keep-last or retention.keep-within in the configuration.',
    });
  }
  if (keepLast !== undefined && (!Number.isSafeInteger(keepLast) || keepLast < 1)) {
    throw new WalvaultError('usage', `cleanup: --keep-last ${keepLast} would keep nothing`, {
      hint: 'Keep at least 1. A system that is no longer in use is removed by --system ID --retired.',
    });
  }
  if (keepWithinMs !== undefined && !(keepWithinMs > 0)) {
    throw new WalvaultError('usage', 'cleanup: --keep-within must be a time greater than zero');
  }
  return { keepLast, keepWithinMs, minimumBackups };
}
