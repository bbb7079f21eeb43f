/** The options of `cleanup` that stand for the rules of a retention policy. */
import type { Command } from 'commander';
import { WalvaultError } from '../../base/errors/errors.ts';
import { parseDuration } from '../../base/units.ts';
import type { RetentionPolicy } from '../../config/index.ts';

export interface RetentionCliOptions {
  readonly recoveryWindow?: number;
  readonly keepLast?: number;
  readonly keepWithin?: number;
  readonly keepHourly?: number;
  readonly keepDaily?: number;
  readonly keepWeekly?: number;
  readonly keepMonthly?: number;
  readonly keepYearly?: number;
  readonly minimumBackups?: number;
  readonly timeZone?: string;
}

export function addRetentionOptions(command: Command): Command {
  return command
    .option('--recovery-window <duration>', 'keep what recovery to any moment this far back needs', parseDuration)
    .option('--keep-last <n>', 'keep the newest n backups, with all WAL from the oldest of them on', countOf('--keep-last'))
    .option('--keep-within <duration>', 'keep the backups of this time, each by itself', parseDuration)
    .option('--keep-hourly <n>', 'keep the first backup of each of the last n hours that have one', countOf('--keep-hourly'))
    .option('--keep-daily <n>', 'the same for days', countOf('--keep-daily'))
    .option('--keep-weekly <n>', 'the same for weeks, from Monday on', countOf('--keep-weekly'))
    .option('--keep-monthly <n>', 'the same for months', countOf('--keep-monthly'))
    .option('--keep-yearly <n>', 'the same for years', countOf('--keep-yearly'))
    .option('--minimum-backups <n>', 'leave at least n backups (default: retention.minimum-backups)', countOf('--minimum-backups'))
    .option('--time-zone <name>', 'whose hours and days are meant (default: retention.time-zone)'); // prettier-ignore
}

/** The rules that were given. */
export function retentionFlags(options: RetentionCliOptions): Partial<RetentionPolicy> {
  const { minimumBackups, timeZone } = options;
  return {
    recoveryWindowMs: options.recoveryWindow,
    keepLast: options.keepLast,
    keepWithinMs: options.keepWithin,
    keepHourly: options.keepHourly,
    keepDaily: options.keepDaily,
    keepWeekly: options.keepWeekly,
    keepMonthly: options.keepMonthly,
    keepYearly: options.keepYearly,
    ...(minimumBackups !== undefined && { minimumBackups }),
    ...(timeZone !== undefined && { timeZone }),
  };
}

function countOf(option: string): (text: string) => number {
  return text => {
    if (/^\d{1,9}$/.test(text)) return Number(text);
    throw new WalvaultError('usage', `${option} takes a number, not "${text}"`);
  };
}
