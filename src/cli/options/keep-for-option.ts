/** The option for how long cleanup keeps a backup that was taken by hand. */
import { Option } from 'commander';
import { WalvaultError } from '../../base/errors/errors.ts';
import { parseDuration } from '../../base/units.ts';

const mostMs = 100 * 366 * 24 * 3_600_000;

export function keepForOption(): Option {
  return new Option('--keep-for <duration>', 'cleanup keeps it so long, whatever the policy says').argParser(
    text => {
      const keepForMs = parseDuration(text);
      if (keepForMs > 0 && keepForMs <= mostMs) return keepForMs;
      throw new WalvaultError('usage', `--keep-for takes up to 100 years, not "${text}"`, {
        hint: 'Write it like 1w. To keep a backup without an end: `walvault pin`.',
      });
    },
  );
}
