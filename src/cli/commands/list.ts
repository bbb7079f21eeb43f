/** `walvault list`: options and output. */
import { Argument } from 'commander';
import { WalvaultError } from '../../base/errors/errors.ts';
import { renderJson } from '../render/json.ts';
import { listJson, renderList } from '../render/list.ts';
import { rendered } from '../render/result-text.ts';
import type { DefineVerb } from '../verb.ts';
import { chooseRepositories } from '../options/repository-choice.ts';

export const defineList: DefineVerb = (program, run) => {
  program
    .command('list')
    .description('show the backups and the WAL that the repositories hold')
    .addArgument(new Argument('[what]', 'only one of the two').choices(['backups', 'wal']))
    .option('--repository <name>', 'only this repository')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', notes)
    .action(async (what: 'backups' | 'wal' | undefined, options: { repository?: string; json?: boolean }) => {
      await run(async ({ context, log, loadConfig, print }) => {
        const { openRepositories } = await import('../../compose/open-repositories.ts');
        const { list } = await import('../../operations/list/list.ts');
        const { config } = await loadConfig();
        await using opened = await openRepositories(config, log);
        chooseRepositories(opened.repositories, options.repository);
        const listings = await list({
          repositories: opened.repositories,
          only: options.repository,
          cluster: config.cluster,
          what: what ?? 'all',
          signal: context.signal,
        });
        print(options.json === true ? renderJson(listJson(listings)) : rendered(renderList, listings));
        const problems = listings.flatMap(({ problem }) => problem ?? []);
        if (problems.length === 1) throw problems[0];
        if (problems.length > 1) {
          const message = `list: ${problems.length} repositories cannot be read`;
          throw new WalvaultError('check-failed', message, { cause: problems[0] });
        }
      });
    });
};

const notes = `
MISSING counts segments that are not there: between archived ones, and after the last one where backups, histories or notes
show that more existed. Each hole is named below the table, and so are backups that lack parts or WAL, and WAL that a server
gave up (archive.queue-limit), with time and reason. For a best-effort repository, list also shows what is
missing that the required ones have; "walvault copy" adds it.

Examples:
  walvault list
  walvault list backups --json
  walvault list wal --repository main
`;
