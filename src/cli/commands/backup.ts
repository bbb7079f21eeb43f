/** `walvault backup`: options and output. */
import { Option } from 'commander';
import { backupJson, renderBackup } from '../render/backup.ts';
import { renderJson } from '../render/json.ts';
import { rendered } from '../render/result-text.ts';
import type { DefineVerb } from '../verb.ts';

interface BackupCliOptions {
  readonly repository?: readonly string[];
  readonly label?: string;
  readonly fast?: boolean;
  readonly spread?: boolean;
  readonly json?: boolean;
}

export const defineBackup: DefineVerb = (program, run) => {
  const many = (value: string, before: readonly string[] = []) => [...before, value];
  program
    .command('backup')
    .description('take a base backup of the running server')
    .option('--repository <name>', 'only into this repository; may be repeated (default: all)', many)
    .option('--label <text>', 'one line for people')
    .addOption(new Option('--fast', 'start with an immediate checkpoint').conflicts('spread'))
    .option('--spread', 'start with a checkpoint that spares the disks (default: backup.fast-checkpoint)')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', notes)
    .action(async (options: BackupCliOptions) => {
      await run(async ({ context, log, loadConfig, tell }) => {
        const { openRepositories } = await import('../../compose/open-repositories.ts');
        const { backup } = await import('../../operations/backup/backup.ts');
        const { config } = await loadConfig();
        await using opened = await openRepositories(config, log);
        const result = await backup({
          config,
          repositories: opened.repositories,
          named: options.repository,
          label: options.label,
          fast: options.spread === true ? false : options.fast,
          env: context.env,
          log,
          signal: context.signal,
        });
        tell(
          options.json === true
            ? renderJson({ ...backupJson(result), traffic: opened.traffic() })
            : rendered(renderBackup, result),
          options.json,
        );
      });
    });
};

const notes = `
Connects as psql would (PGHOST, PGSERVICE, .pgpass and so on) unless postgres.connection is set. The backup exists once
all of it is durable and all the WAL it needs has arrived; a run that fails leaves no backup. Pages with wrong checksums
are counted and cause a warning, but no failure: the backup is kept and the exit status is 0.

Examples:
  walvault backup
  walvault backup --fast --label 'before the upgrade'
  walvault backup --repository offsite --json
`;
