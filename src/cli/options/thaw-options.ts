/** The options for how long and how fast to thaw, for every command that thaws. */
import { Option } from 'commander';
import { WalvaultError } from '../../base/errors/errors.ts';

const speeds = ['bulk', 'standard', 'expedited'] as const;
export type ThawSpeed = (typeof speeds)[number];

export function thawDaysOption(flag: string): Option {
  return new Option(`${flag} <n>`, 'S3: how many days thawed objects can be read')
    .argParser(text => {
      if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
      throw new WalvaultError('usage', `${flag} takes a number of days, not "${text}"`, {
        hint: 'Write it like 7. It counts from when the object is there.',
      });
    })
    .default(7);
}

export function thawSpeedOption(flag: string): Option {
  return new Option(`${flag} <speed>`, 'as the service offers; faster costs more')
    .choices(speeds)
    .default('standard');
}
