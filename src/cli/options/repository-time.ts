/** The option to read repositories as they were at a time. */
import { Option } from 'commander';
import { WalvaultError } from '../../base/errors/errors.ts';
import { parseTargetTime } from '../../operations/restore/target-time.ts';

/** Its value is in milliseconds since 1970: nothing later than what was typed is read. */
export function repositoryTimeOption(what = 'repositories'): Option {
  return new Option(
    '--repository-time <time>',
    `read ${what} as they were at this time, with its zone; S3 buckets with versions only`,
  ).argParser(text => {
    const timeMs = Number(parseTargetTime(text) / 1000n);
    if (timeMs <= Date.now()) return timeMs;
    throw new WalvaultError('usage', `--repository-time: "${text}" lies in the future`, {
      hint: 'Give a time before the damage, such as "2026-11-22 10:00:00+00".',
    });
  });
}
