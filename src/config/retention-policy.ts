/** The retention policy of each repository: its own rules, else those of `[retention]`. Pure. */
import type { SettingValues } from './settings.ts';

/** What to keep; several rules add up. */
export interface RetentionRules {
  readonly recoveryWindowMs?: number | undefined;
  readonly keepLast?: number | undefined;
  readonly keepWithinMs?: number | undefined;
  readonly keepHourly?: number | undefined;
  readonly keepDaily?: number | undefined;
  readonly keepWeekly?: number | undefined;
  readonly keepMonthly?: number | undefined;
  readonly keepYearly?: number | undefined;
}

/** A policy without any rule removes nothing. */
export interface RetentionPolicy extends RetentionRules {
  readonly minimumBackups: number;
  /** A name that Intl.DateTimeFormat knows. */
  readonly timeZone: string;
}

type SettingKey = Extract<keyof SettingValues, `retention.${string}`>;
type Settings = { readonly [Key in SettingKey]?: SettingValues[Key] | undefined };

/** The settings that make up a policy, as far as they are set. */
export function retentionOf(values: Settings): Partial<RetentionPolicy> {
  const set: Partial<RetentionPolicy> = {
    recoveryWindowMs: values['retention.recovery-window'],
    keepLast: values['retention.keep-last'],
    keepWithinMs: values['retention.keep-within'],
    keepHourly: values['retention.keep-hourly'],
    keepDaily: values['retention.keep-daily'],
    keepWeekly: values['retention.keep-weekly'],
    keepMonthly: values['retention.keep-monthly'],
    keepYearly: values['retention.keep-yearly'],
    ...(values['retention.minimum-backups'] !== undefined && {
      minimumBackups: values['retention.minimum-backups'],
    }),
    ...(values['retention.time-zone'] !== undefined && { timeZone: values['retention.time-zone'] }),
  };
  return Object.fromEntries(Object.entries(set).filter(([, value]) => value !== undefined));
}

/** The policy of a repository, by its name. */
export function retentionFor(
  {
    retention,
    repositories,
  }: {
    readonly retention: RetentionPolicy;
    readonly repositories: readonly {
      readonly name: string;
      readonly retention?: Partial<RetentionPolicy>;
    }[];
  },
  name: string,
): RetentionPolicy {
  return overridden(retention, repositories.find(one => one.name === name)?.retention ?? {});
}

/** The rules of a policy alone. */
export function rulesOf({
  minimumBackups: _minimum,
  timeZone: _zone,
  ...rules
}: Partial<RetentionPolicy>): RetentionRules {
  return rules;
}

export function hasRules(policy: Partial<RetentionPolicy>): boolean {
  return Object.values(rulesOf(policy)).some(value => value !== undefined);
}

/**
 * The policy with what is more special in place of it. One special rule replaces all rules: mixed with the others it would
 * have a meaning that nobody can read where it stands. The minimum and the time zone are replaced each by itself.
 */
export function overridden(policy: RetentionPolicy, special: Partial<RetentionPolicy>): RetentionPolicy {
  return {
    ...rulesOf(hasRules(special) ? special : policy),
    minimumBackups: special.minimumBackups ?? policy.minimumBackups,
    timeZone: special.timeZone ?? policy.timeZone,
  };
}
