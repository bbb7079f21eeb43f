/** `walvault copy`: options and output. */
import { Option } from 'commander';
import { WalvaultError } from '../../base/errors/errors.ts';
import { formatCount } from '../../base/units.ts';
import { copyJson, renderCopy } from '../render/copy.ts';
import { renderJson } from '../render/json.ts';
import { rendered } from '../render/result-text.ts';
import type { DefineVerb, Invocation } from '../verb.ts';
import { atRepositoryTime } from '../../config/index.ts';
import { chooseRepository } from '../options/repository-choice.ts';
import { repositoryTimeOption } from '../options/repository-time.ts';

interface CopyCliOptions {
  readonly from: string;
  readonly to: string;
  readonly backup?: string;
  readonly wal?: boolean;
  readonly repositoryTime?: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export const defineCopy: DefineVerb = (program, run) => {
  program
    .command('copy')
    .description('copy objects from one repository to another, without decoding them')
    .requiredOption('--from <name>', 'the repository to read from')
    .requiredOption('--to <name>', 'the repository to write to; init has made it')
    .addOption(
      new Option('--backup <id>', 'only this backup, what it builds on and the WAL it needs').conflicts(
        'wal',
      ),
    )
    .option('--wal', 'only WAL and timeline histories')
    .addOption(repositoryTimeOption('the repository of --from'))
    .option('--dry-run', 'show what would be copied and write nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', notes)
    .action(async (options: CopyCliOptions) => {
      await run(async invocation => await copyBetween(options, invocation));
    });
};

async function copyBetween(options: CopyCliOptions, invocation: Invocation): Promise<void> {
  const { context, log, loadConfig, tell } = invocation;
  const { openRepositories } = await import('../../compose/open-repositories.ts');
  const { copy } = await import('../../operations/copy/copy.ts');
  const { config } = await loadConfig();
  if (options.repositoryTime !== undefined && options.from === options.to)
    throw new WalvaultError('usage', 'copy: the past of a repository cannot be copied into itself', {
      hint: 'Copy it to another repository; init makes one.',
    });
  const past = atRepositoryTime(config, options.repositoryTime, options.from);
  await using opened = await openRepositories(past, log);
  const result = await copy({
    from: chooseRepository(opened.repositories, options.from),
    to: chooseRepository(opened.repositories, options.to),
    cluster: config.cluster,
    what:
      options.backup === undefined
        ? { kind: options.wal === true ? 'wal' : 'everything' }
        : { kind: 'backup', id: options.backup },
    isDryRun: options.dryRun === true,
    log,
    signal: context.signal,
  });
  tell(
    options.json === true
      ? renderJson({ ...copyJson(result), traffic: opened.traffic() })
      : rendered(renderCopy, result),
    options.json === true || options.dryRun === true,
  );
  const { conflicts, failures, backups, to } = result;
  const heldBack = backups.filter(({ outcome }) => outcome === 'held-back').length;
  if (conflicts.length > 0)
    throw new WalvaultError(
      'conflict',
      `copy: other content in "${to}" for ${formatCount(conflicts.length, 'object')}`,
      {
        hint: 'Nothing was replaced, and all the rest was copied. Find out which of the two is right before one of them is used.',
      },
    );
  if (failures.length + heldBack > 0)
    throw new WalvaultError(
      'check-failed',
      `copy: failed for ${formatCount(failures.length, 'object')}; not whole in "${to}": ${formatCount(heldBack, 'backup')}`,
      { hint: 'The lines above say why. Once the cause is gone, run it again: it goes on where it stopped.' },
    );
}

const notes = `
Objects are compared with the digests that were recorded when they were written, on the way and, where there is none, by
reading them back. Objects that the target already has are skipped: run copy again to complete an interrupted copy, or a
best-effort repository with holes. Only whole backups appear in the target.

Examples:
  walvault copy --from main --to offsite
  walvault copy --from main --to offsite --wal --dry-run
  walvault copy --from offsite --to rescue --repository-time '2026-11-22 10:00:00+00'
  walvault copy --from offsite --to main --backup 20261122T020000Z-full-3f2a91
`;
