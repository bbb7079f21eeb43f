/** A retention policy in words, and as JSON. */
import { formatDuration } from '../../base/units.ts';
import type { RetentionPolicy } from '../../config/index.ts';

/** `keep any moment within 7 d, the first of 30 days (Europe/Berlin), at least 1` */
export function describePolicy(policy: RetentionPolicy): string {
  const { recoveryWindowMs, keepLast, keepWithinMs, minimumBackups, timeZone } = policy;
  const calendar = [
    [policy.keepHourly, 'hour'],
    [policy.keepDaily, 'day'],
    [policy.keepWeekly, 'week'],
    [policy.keepMonthly, 'month'],
    [policy.keepYearly, 'year'],
  ] as const;
  const rules = [
    ...(recoveryWindowMs === undefined ? [] : [`any moment within ${formatDuration(recoveryWindowMs)}`]),
    ...(keepLast === undefined ? [] : [`the last ${keepLast}`]),
    ...(keepWithinMs === undefined ? [] : [`the backups of ${formatDuration(keepWithinMs)}`]),
    ...calendar.flatMap(([count, noun]) =>
      count === undefined ? [] : [`the first of ${count === 1 ? `1 ${noun}` : `${count} ${noun}s`} (${timeZone})`],
    ),
    `at least ${minimumBackups}`,
  ]; // prettier-ignore
  return `keep ${rules.join(', ')}`;
}

/** The published shape (docs/reference/json.md). */
export function policyJson(policy: RetentionPolicy): unknown {
  return {
    recoveryWindowMs: policy.recoveryWindowMs ?? null,
    keepLast: policy.keepLast ?? null,
    keepWithinMs: policy.keepWithinMs ?? null,
    keepHourly: policy.keepHourly ?? null,
    keepDaily: policy.keepDaily ?? null,
    keepWeekly: policy.keepWeekly ?? null,
    keepMonthly: policy.keepMonthly ?? null,
    keepYearly: policy.keepYearly ?? null,
    minimumBackups: policy.minimumBackups,
    timeZone: policy.timeZone,
  };
}
