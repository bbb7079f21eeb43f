/** How long and how fast to thaw, for the commands that ask for it. */
import { Option } from 'commander';
import { WalvaultError } from '../../base/errors/errors.ts';

const speeds = ['bulk', 'standard', 'expedited'] as const;
export type ThawSpeed = (typeof speeds)[number];

export function thawDaysOption(flag: string): Option {
  return new Option(`${flag} <n>`, 'S3: how many days what was thawed can be read')
    .argParser(text => {
      if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
      throw new WalvaultError('usage', `${flag} takes a number of days, not "${text}"`, {
        hint: 'Write it like 7. It counts from when the object is there.',
      });
    })
    .default(7);
}

export function thawSpeedOption(flag: string): Option {
  return new Option(`${flag} <speed>`, 'what the service offers: the faster, the dearer')
    .choices(speeds)
    .default('standard');
}
