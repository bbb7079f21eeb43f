/** The retention policy from flags and configuration. It has no default: people decide what may be deleted. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { clockOf } from '../../base/time/time-zone.ts';
import {
  hasRules,
  overridden,
  rulesOf,
  type RetentionPolicy,
  type RetentionRules,
} from '../../config/index.ts';

/**
 * Chooses the policy of one repository. Any rule on the command line replaces all configured ones; the minimum and the time
 * zone hold until they are given themselves.
 * @returns undefined without any rule: then nothing is removed
 * @throws WalvaultError `usage` for a policy that would keep nothing
 */
export function choosePolicy(
  flags: Partial<RetentionPolicy>,
  configured: RetentionPolicy,
): RetentionPolicy | undefined {
  const policy = overridden(configured, flags);
  for (const [name, value] of Object.entries(rulesOf(policy)))
    if (value !== undefined) refuseNothing(name as keyof RetentionRules, value);
  if (policy.minimumBackups < 1)
    throw new WalvaultError('usage', `cleanup: --minimum-backups ${policy.minimumBackups} is not at least 1`);
  if (clockOf(policy.timeZone) === undefined)
    throw new WalvaultError('usage', `cleanup: "${policy.timeZone}" is no time zone`, {
      hint: 'Write it like Europe/Berlin, or UTC.',
    });
  return hasRules(policy) ? policy : undefined;
}

/** A system that is removed completely keeps what is pinned, and nothing by rules. */
export function withoutRules({ minimumBackups, timeZone }: RetentionPolicy): RetentionPolicy {
  return { minimumBackups, timeZone };
}

function refuseNothing(name: keyof RetentionRules, value: number): void {
  const { option, isDuration } = optionOf(name);
  if (isDuration && !(value > 0))
    throw new WalvaultError('usage', `cleanup: ${option} must be a time greater than zero`);
  if (!isDuration && (!Number.isSafeInteger(value) || value < 1))
    throw new WalvaultError('usage', `cleanup: ${option} ${value} would keep nothing`, {
      hint: 'Keep at least 1. A system that is no longer in use is removed by --system ID --retired.',
    });
}

/** The option of a rule: `keepWithinMs` becomes `--keep-within`. */
function optionOf(name: keyof RetentionRules): { readonly option: string; readonly isDuration: boolean } {
  const isDuration = name.endsWith('Ms');
  const words = name.replace(/Ms$/, '').replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
  return { option: `--${words}`, isDuration };
}
