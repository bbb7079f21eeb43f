/** The option for how long a restored copy keeps cleanups from its WAL. */
import { Option } from 'commander';
import { WalvaultError } from '../../base/errors/errors.ts';
import { formatDuration, parseDuration } from '../../base/units.ts';
import { longestHoldMs, replayHoldMs } from '../../operations/restore/hold-limits.ts';

export const holdOption = new Option(
  '--hold-for <duration>',
  `keep cleanups from the WAL of the copy for this long after it is unpacked, at most ${formatDuration(longestHoldMs)}; 0s: not at all`,
)
  .argParser(text => {
    const ms = parseDuration(text);
    if (ms <= longestHoldMs) return ms;
    throw new WalvaultError(
      'usage',
      `--hold-for takes at most ${formatDuration(longestHoldMs)}, not "${text}"`,
      {
        hint: 'Pin the backup to keep it for longer.',
      },
    );
  })
  .default(replayHoldMs, formatDuration(replayHoldMs));
