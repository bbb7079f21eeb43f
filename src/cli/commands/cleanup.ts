/** `walvault cleanup`: options, policy and output. */
import { Option } from 'commander';
import { WalvaultError } from '../../base/errors/errors.ts';
import { retentionFor } from '../../config/index.ts';
import { cleanupJson, renderCleanup } from '../render/cleanup.ts';
import { renderJson } from '../render/json.ts';
import { rendered } from '../render/result-text.ts';
import type { DefineVerb, Invocation } from '../verb.ts';
import {
  addRetentionOptions,
  retentionFlags,
  type RetentionCliOptions,
} from '../options/retention-options.ts';
import { chooseRepositories, parseSystemId } from '../options/repository-choice.ts';

interface CleanupCliOptions extends RetentionCliOptions {
  readonly systemId?: string;
  readonly standby?: string;
  readonly retired?: boolean;
  readonly repository?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export const defineCleanup: DefineVerb = (program, run) => {
  const command = program
    .command('cleanup')
    .description('remove backups and WAL that the policy no longer keeps');
  addRetentionOptions(command)
    .option('--system, --system-id <n>', 'only this system, where the cluster had several (after an upgrade)')
    .option('--retired', 'with --system-id: remove all of a system that is no longer in use')
    .addOption(
      new Option(
        '--standby <segment>',
        'for archive_cleanup_command: remove what a standby has passed, where standby-only is on',
      ).conflicts(['systemId', 'retired', 'json']),
    )
    .option('--repository <name>', 'only this repository')
    .option('--dry-run', 'show each decision and remove nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', notes)
    .action(async (options: CleanupCliOptions) => {
      const { standby } = options;
      await run(async invocation =>
        standby === undefined
          ? await clean(options, invocation)
          : await cleanForStandby(options, standby, invocation),
      );
    });
};

async function clean(options: CleanupCliOptions, invocation: Invocation): Promise<void> {
  const { context, log, loadConfig, tell } = invocation;
  const { openRepositories } = await import('../../compose/open-repositories.ts');
  const { cleanup } = await import('../../operations/cleanup/cleanup.ts');
  const systemId = parseSystemId(options.systemId);
  const { config } = await loadConfig();
  await using opened = await openRepositories(config, log);
  const result = await cleanup({
    repositories: chooseRepositories(opened.repositories, options.repository),
    cluster: config.cluster,
    flags: retentionFlags(options),
    configured: name => retentionFor(config, name),
    systemId,
    isRetired: options.retired === true,
    isDryRun: options.dryRun === true,
    now: new Date(),
    log,
    signal: context.signal,
  });
  const isAsked = options.json === true || options.dryRun === true;
  tell(options.json === true ? renderJson(cleanupJson(result)) : rendered(renderCleanup, result), isAsked);
  const failures = result.repositories.flatMap(({ name, failures }) =>
    failures.map(({ message, hint }) => ({ repository: name, problem: message, hint })),
  );
  const [only, ...others] = failures;
  if (only !== undefined && others.length === 0)
    throw new WalvaultError('check-failed', `repository "${only.repository}": ${only.problem}`, {
      hint: only.hint ?? goOn,
    });
  for (const failure of failures) log.emit({ kind: 'cleanup-failed', ...failure });
  if (failures.length > 0) {
    throw new WalvaultError('check-failed', `cleanup: not all was done, ${failures.length} failed`, {
      hint: goOn,
    });
  }
}

async function cleanForStandby(
  { repository, dryRun }: CleanupCliOptions,
  restartSegment: string,
  { context, log, loadConfig }: Invocation,
): Promise<void> {
  const { openRepositories } = await import('../../compose/open-repositories.ts');
  const { cleanupStandby } = await import('../../operations/cleanup/standby/cleanup-standby.ts');
  const { config } = await loadConfig();
  const own = new Set(
    config.repositories.filter(({ standbyOnly }) => standbyOnly === true).map(({ name }) => name),
  );
  await using opened = await openRepositories(config, log);
  const failures = await cleanupStandby({
    repositories: chooseRepositories(opened.repositories, repository).filter(({ name }) => own.has(name)),
    cluster: config.cluster,
    restartSegment,
    dataDirectory: config.dataDirectory ?? process.cwd(),
    isDryRun: dryRun === true,
    now: new Date(),
    log,
    signal: context.signal,
  });
  const [first] = failures;
  if (first !== undefined) throw new WalvaultError('check-failed', first, { hint: goOn });
}

const goOn =
  'Nothing that is kept was touched. Once the cause is gone, run it again: it goes on where it stopped.';

const notes = `
The rules add up, and are those of the configuration ([retention], or a repository's own [repository.retention]) unless
one is given here: then only the rules given here count. With --recovery-window the newest backup that ended before the
window stays too: recovery to its first moments starts from it. --keep-within and --keep-hourly to --keep-yearly keep
backups with just the WAL that makes each consistent. A backup that a kept one builds on stays, and so do pinned backups
and those of \`backup --keep-for\`. The last full backup of a system is never removed, unless the whole system is named
with --retired. When in doubt, cleanup keeps backups and WAL, and says so. docs/retention.md has examples.

On a standby, archive_cleanup_command = 'walvault cleanup --standby %r' removes the WAL that it has passed, and only from a
repository with standby-only = "on" that holds no backup. What other repositories keep is not for a standby to decide.

Examples:
  walvault cleanup --recovery-window 14d --dry-run
  walvault cleanup --recovery-window 7d --keep-daily 30 --keep-monthly 12 --time-zone Europe/Berlin
  walvault cleanup --keep-last 7
  walvault cleanup --system-id 7300000000000000001 --retired
`;
