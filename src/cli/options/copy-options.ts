/** The options of `restore` that decide what the copy is and which settings of its origin it keeps. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { overridableNames } from '../../operations/restore/copy-settings/overrides.ts';
import type { RestoreTarget } from '../../operations/restore/target.ts';

export interface CopyOptions {
  readonly standby?: boolean;
  readonly primaryConninfo?: string;
  readonly targetAction?: string;
  readonly targetTimeline?: string;
  readonly keepSetting: readonly string[];
}

/** @throws WalvaultError `usage` for options that contradict each other, or the name of a setting that stays anyway */
export function checkCopyOptions(options: CopyOptions, target: RestoreTarget): void {
  if (options.standby === true) refuseTarget(options, target);
  else if (options.primaryConninfo !== undefined)
    throw new WalvaultError('usage', '--primary-conninfo is for a standby', { hint: 'Add --standby.' });
  const unknown = options.keepSetting.find(name => !overridableNames.includes(name.toLowerCase()));
  if (unknown === undefined) return;
  throw new WalvaultError('usage', `--keep-setting ${unknown}: restore does not change this setting`, {
    hint: `It changes ${overridableNames.join(', ')}.`,
  });
}

function refuseTarget({ targetAction, targetTimeline }: CopyOptions, target: RestoreTarget): void {
  if (target.kind === 'end' && targetAction === undefined && targetTimeline === undefined) return;
  throw new WalvaultError(
    'usage',
    'a standby has no target: it follows the newest timeline until it is promoted',
    {
      hint: 'Leave out --standby to stop somewhere, or the --target options to make a standby.',
    },
  );
}
