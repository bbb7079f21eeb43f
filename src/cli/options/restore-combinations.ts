/** Options of `restore` that contradict each other, or would be without effect where somebody relies on it. Pure. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { overridableNames } from '../../operations/restore/copy-settings/overrides.ts';
import type { RestoreTarget } from '../../operations/restore/target.ts';

export interface CombinedOptions {
  readonly standby?: boolean;
  readonly database?: readonly string[];
  readonly delta?: boolean;
  readonly archiveMode?: 'off' | 'preserve';
  readonly primaryConninfo?: string;
  readonly targetAction?: 'pause' | 'promote' | 'shutdown';
  readonly targetTimeline?: string;
  readonly throughDrop?: boolean;
  readonly keepSetting: readonly string[];
  readonly dryRun?: boolean;
  readonly start?: boolean;
  readonly pgBin?: string;
  readonly port?: number;
}

interface Combination {
  readonly isGiven: (options: CombinedOptions, target: RestoreTarget) => boolean;
  readonly message: string;
  readonly hint: string;
}

/** The first that applies is the one that is told. */
const refused: readonly Combination[] = [
  {
    isGiven: ({ standby, targetAction, targetTimeline }, { kind }) =>
      standby === true &&
      (kind !== 'end' || targetAction !== undefined || (targetTimeline ?? 'latest') !== 'latest'),
    message: 'a standby has no target: it follows the newest timeline until it is promoted',
    hint: 'Leave out --standby to stop somewhere, or the --target options to make a standby.',
  },
  {
    isGiven: ({ standby, primaryConninfo }) => standby !== true && primaryConninfo !== undefined,
    message: '--primary-conninfo is for a standby',
    hint: 'Add --standby.',
  },
  {
    isGiven: ({ targetAction }, { kind }) =>
      kind === 'end' && targetAction !== undefined && targetAction !== 'promote',
    message: '--target-action needs a target: at the end of the archive PostgreSQL always promotes',
    hint: 'Add a target, such as --target-time; --target-immediate stops where the backup ended.',
  },
  {
    isGiven: ({ throughDrop }, { kind }) => throughDrop === true && (kind === 'end' || kind === 'immediate'),
    message:
      '--through-drop needs a target that can lie within a DROP: a time, LSN, transaction or restore point',
    hint: 'Leave it out: without such a target nothing is stopped before a DROP.',
  },
  {
    isGiven: ({ database = [], standby }) => database.length > 0 && standby === true,
    message: '--database and --standby contradict each other: a standby has all databases',
    hint: 'Leave out one of them.',
  },
  {
    isGiven: ({ database = [], delta }) => database.length > 0 && delta === true,
    message:
      '--database and --delta contradict each other: placeholders would take the place of databases that are there',
    hint: 'Leave out one of them; --database restores into an empty or new directory.',
  },
  {
    isGiven: ({ database = [], archiveMode }) => database.length > 0 && archiveMode === 'preserve',
    message:
      '--database and --archive-mode preserve contradict each other: the next recovery would lack the databases that were left out',
    hint: 'Leave out one of them: a copy with some databases cannot take the place of its origin.',
  },
  {
    isGiven: ({ database = [], targetAction }) =>
      database.length > 0 && targetAction !== undefined && targetAction !== 'promote',
    message: `--database needs a server that opens for writing at its target: only then can the databases without data be closed`,
    hint: 'Leave out --target-action.',
  },
  {
    isGiven: ({ database = [], start, dryRun }) => database.length > 0 && start !== true && dryRun !== true,
    message:
      '--database needs --start: walvault recovers the copy itself, and looks whether anything of these databases is missing',
    hint: 'Add --start, or --dry-run to see the plan.',
  },
  {
    isGiven: ({ start, dryRun }) => start === true && dryRun === true,
    message: '--start and --dry-run contradict each other: a dry run writes nothing that could be started',
    hint: 'Leave out one of them.',
  },
  {
    isGiven: ({ start, pgBin, port }) => start !== true && (pgBin !== undefined || port !== undefined),
    message: '--pg-bin and --port are for a server to start, and nothing is to be started',
    hint: 'Add --start.',
  },
];

/** @throws WalvaultError `usage` for the first combination that is refused, or the name of a setting that stays anyway */
export function refuseCombinations(options: CombinedOptions, target: RestoreTarget): void {
  const found = refused.find(({ isGiven }) => isGiven(options, target));
  if (found !== undefined) throw new WalvaultError('usage', found.message, { hint: found.hint });
  const unknown = options.keepSetting.find(name => !overridableNames.includes(name.toLowerCase()));
  if (unknown === undefined) return;
  throw new WalvaultError('usage', `--keep-setting ${unknown}: restore does not change this setting`, {
    hint: `It changes ${overridableNames.join(', ')}.`,
  });
}
