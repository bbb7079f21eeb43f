import { formatDuration, formatSize } from '../../base/units.ts';
import type { BackupResult } from '../../operations/backup/backup.ts';
import { renderJson } from '../render/json.ts';
import type { DefineVerb } from '../verb.ts';

interface BackupCliOptions {
  readonly repository?: readonly string[];
  readonly label?: string;
  readonly fast?: boolean;
  readonly json?: boolean;
}

export const defineBackup: DefineVerb = (program, run) => {
  const many = (value: string, before: readonly string[] = []) => [...before, value];
  program
    .command('backup')
    .description('take a base backup of the running server')
    .option('--repository <name>', 'only into this repository; may be repeated (default: all)', many)
    .option('--label <text>', 'one line for people')
    .option('--fast', 'start with an immediate checkpoint instead of waiting for a spread one')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', notes)
    .action(async (options: BackupCliOptions) => {
      await run(async ({ context, log, loadConfig, print }) => {
        const { openRepositories } = await import('../compose.ts');
        const { backup } = await import('../../operations/backup/backup.ts');
        const { config } = await loadConfig();
        await using opened = await openRepositories(config, log);
        const result = await backup({
          config,
          repositories: opened.repositories,
          named: options.repository,
          label: options.label,
          fast: options.fast,
          env: context.env,
          log,
          signal: context.signal,
        });
        print(options.json === true ? renderJson(result) : renderBackup(result));
      });
    });
};

function renderBackup({ record, repositories, durationMs }: BackupResult): string {
  const size = `${formatSize(record.sizeBytes)} in ${record.fileCount} files`;
  const damage = record.damagedPages === 0 ? '' : `, ${record.damagedPages} DAMAGED PAGES`;
  return `${record.id}: ${size}${damage}, in ${repositories.join(', ')}, ${formatDuration(durationMs)}\n`;
}

const notes = `
Connects as psql would (PGHOST, PGSERVICE, .pgpass and so on) unless postgres.connection is set. The backup exists once
all of it is durable and all the WAL it needs has arrived; a run that fails leaves nothing that counts.

Examples:
  walvault backup
  walvault backup --fast --label 'before the upgrade'
`;
