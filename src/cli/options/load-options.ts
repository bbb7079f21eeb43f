/** The options for how much of the host a command may use. */
import { Option } from 'commander';
import { WalvaultError } from '../../base/errors/errors.ts';
import { parseSize } from '../../base/units.ts';

const mostJobs = 32;
const leastBytesPerSecond = 128 * 1024;

/** `setting` has the default. */
export function jobsOption(setting: string): Option {
  return new Option('--jobs <n>', `how many parts side by side (default: ${setting})`).argParser(text => {
    const jobs = Number(text);
    if (/^\d{1,3}$/.test(text) && jobs >= 1 && jobs <= mostJobs) return jobs;
    throw new WalvaultError('usage', `--jobs takes a number from 1 to ${mostJobs}, not "${text}"`, {
      hint: 'More than there are processors gain nothing.',
    });
  });
}

export function limitRateOption(setting: string): Option {
  return new Option('--limit-rate <size>', `most bytes to read a second (default: ${setting})`).argParser(
    text => {
      const bytesPerSecond = parseSize(text);
      if (bytesPerSecond >= leastBytesPerSecond) return bytesPerSecond;
      throw new WalvaultError('usage', `--limit-rate takes at least 128KiB, not "${text}"`, {
        hint: 'It is for one second; write it like 50MiB.',
      });
    },
  );
}
