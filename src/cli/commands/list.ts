/** `walvault list`: options and output. */
import { Argument, Option } from 'commander';
import { WalvaultError } from '../../base/errors/errors.ts';
import type { ListedKind } from '../../operations/list/list.ts';
import { sortKeys } from '../../operations/list/selection.ts';
import { parseSelection, type SelectionOptions } from '../options/list-selection.ts';
import { atRepositoryTime } from '../../config/index.ts';
import { chooseRepositories } from '../options/repository-choice.ts';
import { repositoryTimeOption } from '../options/repository-time.ts';
import { renderJson } from '../render/json.ts';
import { renderListCsv } from '../render/list-csv.ts';
import { listJson } from '../render/list-json.ts';
import { renderList } from '../render/list.ts';
import { rendered } from '../render/result-text.ts';
import type { DefineVerb, Invocation } from '../verb.ts';

interface ListCliOptions extends SelectionOptions {
  readonly repository?: string;
  readonly repositoryTime?: number;
  readonly json?: boolean;
  readonly csv?: boolean;
}

const kinds = ['backups', 'wal', 'timelines', 'restore-points'] as const satisfies readonly ListedKind[];

export const defineList: DefineVerb = (program, run) => {
  program
    .command('list')
    .description('show the backups, WAL, timelines and restore points that the repositories hold')
    .addArgument(new Argument('[what]', 'only these (default: backups and WAL)').choices(kinds))
    .option('--repository <name>', 'only this repository')
    .addOption(repositoryTimeOption())
    .option('--system-id <n>', 'only this system, where the cluster had several')
    .option('--since <time>', 'only backups that ended, and restore points that were made, from then on')
    .option('--until <time>', 'only those before')
    .addOption(new Option('--type <type>', 'only backups of this type').choices(['full', 'incremental']))
    .option('--pinned', 'only pinned backups')
    .addOption(new Option('--sort <by>', 'by this (default: timeline and position)').choices([...sortKeys]))
    .option('--reverse', 'the other way round')
    .option('--json', 'print the result as JSON')
    .option('--csv', 'print one table as comma-separated values')
    .addHelpText('after', notes)
    .action(async (what: (typeof kinds)[number] | undefined, options: ListCliOptions) => {
      await run(async invocation => await listAll(what, options, invocation));
    });
};

async function listAll(
  named: (typeof kinds)[number] | undefined,
  options: ListCliOptions,
  { context, log, loadConfig, print }: Invocation,
): Promise<void> {
  const { openRepositories } = await import('../../compose/open-repositories.ts');
  const { list } = await import('../../operations/list/list.ts');
  const what = named ?? 'all';
  const now = new Date();
  const isCsv = options.csv === true;
  if (isCsv && options.json === true)
    throw new WalvaultError('usage', 'list: --json and --csv cannot be used with each other', {
      hint: 'Choose one of them.',
    });
  if (isCsv && named === undefined)
    throw new WalvaultError('usage', 'list: --csv prints one table', {
      hint: `Say which: ${kinds.join(', ')}.`,
    });
  const selection = parseSelection(options, what, now);
  const { config } = await loadConfig();
  const past = atRepositoryTime(config, options.repositoryTime, options.repository);
  await using opened = await openRepositories(past, log);
  chooseRepositories(opened.repositories, options.repository);
  const listings = await list({
    repositories: opened.repositories,
    only: options.repository,
    cluster: config.cluster,
    what,
    selection,
    backupIntervalMs: config.status.backupIntervalMs,
    now,
    signal: context.signal,
  });
  const width = context.outputColumns;
  if (options.json === true) print(renderJson(listJson(listings)));
  else if (isCsv && named !== undefined) print(rendered(found => renderListCsv(found, named), listings));
  else print(rendered(found => renderList(found, { what, width }), listings));
  const problems = listings.flatMap(({ problem }) => problem ?? []);
  if (problems.length === 1) throw problems[0];
  if (problems.length > 1) {
    const message = `list: ${problems.length} repositories cannot be read`;
    throw new WalvaultError('check-failed', message, { cause: problems[0] });
  }
}

const notes = `
A backup that builds on another one stands below it, and a timeline below the one that it left. SIZE is the plain size, STORED what
the repository holds, RATIO the one for each of the other. On a terminal that is too narrow, columns are left out and remarks
cut; in a file or a pipe nothing is missing.

MISSING counts segments that are not there: between archived ones, and after the last one where backups, histories or notes
show that more existed. Each hole is named below the table, and so are backups that lack parts or WAL, and WAL that a server
gave up (archive.queue-limit), with time and reason. For a best-effort repository, list also shows what is
missing that the required ones have; "walvault copy" adds it.

"list restore-points" shows those that "walvault restore-point" made, and whether a restore can still stop at them.

Times are a day in UTC (2026-11-22), a time with its zone ("2026-11-22 10:00:00+00"), or a duration back from now (7d).

Examples:
  walvault list
  walvault list backups --since 30d --sort stored --reverse
  walvault list backups --pinned --json
  walvault list wal --repository main
  walvault list timelines
  walvault list restore-points --csv
`;
