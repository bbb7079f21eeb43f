/** `walvault backup`: options and output. */
import { Option } from 'commander';
import { errorCodes } from '../../base/errors/errors.ts';
import type { Config } from '../../config/index.ts';
import { backupJson, renderBackup } from '../render/backup.ts';
import { renderJson } from '../render/json.ts';
import { rendered } from '../render/result-text.ts';
import { keepForOption } from '../options/keep-for-option.ts';
import { jobsOption, limitRateOption } from '../options/load-options.ts';
import type { DefineVerb } from '../verb.ts';

interface BackupCliOptions {
  readonly repository?: readonly string[];
  readonly label?: string;
  readonly keepFor?: number;
  readonly fast?: boolean;
  readonly spread?: boolean;
  readonly jobs?: number;
  readonly limitRate?: number;
  readonly lowPriority?: boolean;
  readonly resume: boolean;
  readonly type?: 'full' | 'differential' | 'incremental' | 'auto';
  readonly json?: boolean;
}

export const defineBackup: DefineVerb = (program, run) => {
  const many = (value: string, before: readonly string[] = []) => [...before, value];
  program
    .command('backup')
    .description('take a base backup of the running server')
    .option('--repository <name>', 'only into this repository; may be repeated (default: all)', many)
    .addOption(
      new Option('--type <type>', 'full, or what has changed (default: backup.type)').choices([
        'full',
        'differential',
        'incremental',
        'auto',
      ]),
    )
    .option('--label <text>', 'one line for people')
    .addOption(keepForOption())
    .addOption(new Option('--fast', 'start with an immediate checkpoint').conflicts('spread'))
    .option('--spread', 'start with a checkpoint that spares the disks (default: backup.fast-checkpoint)')
    .addOption(jobsOption('backup.jobs'))
    .addOption(limitRateOption('backup.limit-rate'))
    .option('--low-priority', 'leave processors and disks to others (default: backup.low-priority)')
    .option('--no-resume', 'begin anew, although an interrupted backup could be gone on with')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', notes)
    .action(async (options: BackupCliOptions) => {
      await run(async ({ context, log, loadConfig, tell, hide }) => {
        const { openRepositories } = await import('../../compose/open-repositories.ts');
        const { backup } = await import('../../operations/backup/backup.ts');
        const { PartWorkers } = await import('../../workers/part-workers.ts');
        const config = withOptions((await loadConfig()).config, options);
        if (config.backup.lowPriority) (await import('../../base/threads/low-priority.ts')).lowerPriority();
        await using opened = await openRepositories(config, log);
        await using writer = new PartWorkers(config, {
          onSecret: secret => hide([secret]),
          onTraffic: traffic => opened.addTraffic(traffic),
        });
        const result = await backup({
          config,
          repositories: opened.repositories,
          writer,
          named: options.repository,
          type: options.type,
          resume: options.resume,
          label: options.label,
          keepForMs: options.keepFor,
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
        return result.record.damagedPages > 0 ? errorCodes['check-failed'] : 0;
      });
    });
};

function withOptions(config: Config, { jobs, limitRate, lowPriority }: BackupCliOptions): Config {
  const { backup } = config;
  return {
    ...config,
    backup: {
      ...backup,
      jobs: jobs ?? backup.jobs,
      bytesPerSecond: limitRate ?? backup.bytesPerSecond,
      lowPriority: lowPriority ?? backup.lowPriority,
    },
  };
}

const notes = `
Connects as psql would (PGHOST, PGSERVICE, .pgpass and so on) unless postgres.connection is set. The backup exists once
all of it is durable and all the WAL it needs has arrived; a run that fails leaves no backup. Pages with wrong checksums
are named and counted; the backup is kept with their number, and the exit status is 16. --low-priority gives the lowest
priority for processors, from which Linux derives the one for disks; \`ionice -c 3 walvault backup\` takes disks only when idle.

--type differential stores what has changed since the newest full backup, incremental what has changed since the newest
differential, auto what is due by backup.full-every and backup.differential-every. Where no earlier backup can be the parent,
a full one is taken, and the reason told. Needs encryption.host-secret. From PostgreSQL 17 on, with summarize_wal, only what
its WAL summaries name is read (backup.wal-summaries), and now and then these are audited (backup.audit-every).

For four days an interrupted backup goes on from its finished parts, also after kill -9: every file is read again, and what
has not changed is not stored again. The host opens what it noted of them with its own secret (encryption.host-secret,
made by init) and needs no private key. cleanup removes the pieces after seven days.

With --keep-for, cleanup keeps the backup so long, whatever the policy says, and it takes the place of no scheduled one;
afterwards it is judged as any other.

On a standby, postgres.primary-connection lets it tell the primary to end the WAL segments that the backup needs.

Examples:
  walvault backup
  walvault backup --type auto
  walvault backup --fast --label 'before the upgrade' --keep-for 1w
  walvault backup --repository offsite --json
  walvault backup --jobs 2 --limit-rate 50MiB --low-priority
`;
