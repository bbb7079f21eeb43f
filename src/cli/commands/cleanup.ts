/** `walvault cleanup`: options, policy and output. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { parseDuration } from '../../base/units.ts';
import { cleanupJson, renderCleanup } from '../render/cleanup.ts';
import { renderJson } from '../render/json.ts';
import { rendered } from '../render/result-text.ts';
import type { DefineVerb, Invocation } from '../verb.ts';
import { chooseRepositories, parseSystemId } from '../options/repository-choice.ts';

interface CleanupCliOptions {
  readonly keepLast?: string;
  readonly keepWithin?: string;
  readonly systemId?: string;
  readonly retired?: boolean;
  readonly repository?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export const defineCleanup: DefineVerb = (program, run) => {
  program
    .command('cleanup')
    .description('remove backups and WAL that the policy no longer keeps')
    .option('--keep-last <n>', 'keep the newest n backups of each system (default: retention.keep-last)')
    .option(
      '--keep-within <duration>',
      'keep what recovery to any moment this far back needs (default: retention.keep-within)',
    )
    .option('--system, --system-id <n>', 'only this system, where the cluster had several (after an upgrade)')
    .option('--retired', 'with --system-id: remove all of a system that is no longer in use')
    .option('--repository <name>', 'only this repository')
    .option('--dry-run', 'show each decision and remove nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', notes)
    .action(async (options: CleanupCliOptions) => {
      await run(async invocation => await clean(options, invocation));
    });
};

async function clean(options: CleanupCliOptions, invocation: Invocation): Promise<void> {
  const { context, log, loadConfig, tell } = invocation;
  const { openRepositories } = await import('../../compose/open-repositories.ts');
  const { cleanup } = await import('../../operations/cleanup/cleanup.ts');
  const flags = {
    keepLast: options.keepLast === undefined ? undefined : parseCount(options.keepLast),
    keepWithinMs: options.keepWithin === undefined ? undefined : parseDuration(options.keepWithin),
  };
  const systemId = parseSystemId(options.systemId);
  const { config } = await loadConfig();
  await using opened = await openRepositories(config, log);
  const result = await cleanup({
    repositories: chooseRepositories(opened.repositories, options.repository),
    cluster: config.cluster,
    flags,
    configured: config.retention,
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

const goOn =
  'Nothing that is kept was touched. Once the cause is gone, run it again: it goes on where it stopped.';

function parseCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new WalvaultError('usage', `--keep-last takes a number, not "${text}"`);
}

const notes = `
A backup that a kept backup builds on stays, and so does the WAL that any kept backup needs. With --keep-within, the
newest backup that ended before the window stays too: recovery to the window's first moments starts from it. The last
full backup of a system is never removed, unless the whole system is named with --retired. When in doubt, cleanup keeps
backups and WAL, and says so.

Examples:
  walvault cleanup --keep-within 14d --dry-run
  walvault cleanup --keep-last 7
  walvault cleanup --system-id 7300000000000000001 --retired
`;
