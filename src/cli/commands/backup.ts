/** `walvault backup`: options and output. */
import { Option } from 'commander';
import { formatCount, formatDuration, formatSize } from '../../base/units.ts';
import type { BackupResult } from '../../operations/backup/backup.ts';
import { summarise } from '../../operations/backup/summary.ts';
import { renderJson } from '../render/json.ts';
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
      await run(async ({ context, log, loadConfig, print }) => {
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
        print(
          options.json === true
            ? renderJson({ ...jsonOf(result), traffic: opened.traffic() })
            : renderBackup(result),
        );
      });
    });
};

function renderBackup(result: BackupResult): string {
  const { record, repositories, durationMs } = result;
  const { storedBytes, walSegments } = summarise(record);
  const ratio = storedBytes === 0 ? '' : ` (${(record.sizeBytes / storedBytes).toFixed(1)} to 1)`;
  const lines = [
    `backup ${record.id}`,
    `  size      ${formatSize(record.sizeBytes)} in ${formatCount(record.fileCount, 'file')}, stored in ${formatSize(storedBytes)}${ratio}`,
    `  WAL       ${walSegments}`,
    `  in        ${repositories.join(', ')}`,
    `  took      ${formatDuration(durationMs)}`,
  ];
  for (const { description } of result.lostWal) lines.push(`  GAP       before it: ${description}`);
  if (record.damagedPages > 0)
    lines.push(
      `  DAMAGED   ${formatCount(record.damagedPages, 'page')} with wrong checksums; see the warnings`,
    );
  return `${lines.join('\n')}\n`;
}

/** The commit record as the operation returns it, and the figures derived from it. */
function jsonOf(result: BackupResult) {
  const { geometry, ...record } = result.record;
  const { segmentSizeBytes } = geometry;
  return { ...result, record: { ...record, segmentSizeBytes }, ...summarise(result.record) };
}

const notes = `
Connects as psql would (PGHOST, PGSERVICE, .pgpass and so on) unless postgres.connection is set. The backup exists once
all of it is durable and all the WAL it needs has arrived; a run that fails leaves no backup. Pages with wrong checksums
are counted and cause a warning, but no failure: the backup is kept and the exit status is 0.

Examples:
  walvault backup
  walvault backup --fast --label 'before the upgrade'
  walvault backup --repository offsite --json
`;
