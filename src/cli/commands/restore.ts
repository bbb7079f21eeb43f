/** `walvault restore`: options and output. */
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { WalvaultError } from '../../base/errors/errors.ts';
import { renderJson } from '../render/json.ts';
import { renderRestore } from '../render/restore.ts';
import { rendered } from '../render/result-text.ts';
import type { DefineVerb, Invocation } from '../verb.ts';
import { jobsOption } from '../options/load-options.ts';
import { parseTargetTimeline } from '../options/timeline.ts';
import { neededVariables } from '../options/needed-variables.ts';
import type { ChosenDatabases } from '../../operations/restore/only-databases/choose-databases.ts';
import type { ServerWithPlaceholders } from '../../operations/restore/only-databases/start-only-databases.ts';
import type { StartedServer, StartRestored } from '../../operations/restore/start/start-restored.ts';
import { atRepositoryTime } from '../../config/index.ts';
import { parseSystemId } from '../options/repository-choice.ts';
import { repositoryTimeOption } from '../options/repository-time.ts';
import { ownCommand } from '../options/own-command.ts';
import { holdOption } from '../options/hold-option.ts';
import { thawDaysOption, thawSpeedOption, type ThawSpeed } from '../options/thaw-options.ts';

interface RestoreCliOptions {
  readonly backup: string;
  readonly database: readonly string[];
  readonly repository?: string;
  readonly repositoryTime?: number;
  readonly systemId?: string;
  readonly targetTime?: string;
  readonly targetLsn?: string;
  readonly targetXid?: string;
  readonly targetName?: string;
  readonly targetImmediate?: boolean;
  readonly exclusive?: boolean;
  readonly throughDrop?: boolean;
  readonly targetTimeline?: string;
  readonly targetAction?: 'pause' | 'promote' | 'shutdown';
  readonly archiveMode: 'off' | 'preserve';
  readonly standby?: boolean;
  readonly primaryConninfo?: string;
  readonly keepSubscriptions?: boolean;
  readonly keepSetting: readonly string[];
  readonly configuration: boolean;
  readonly fetchProgram?: string;
  readonly waldir?: string;
  readonly delta?: boolean;
  readonly dataDirectoryMode?: '0700' | '0750';
  readonly tablespaceMap: readonly string[];
  readonly owner?: string;
  readonly jobs?: number;
  readonly start?: boolean;
  readonly pgBin?: string;
  readonly port?: number;
  readonly dryRun?: boolean;
  readonly thaw?: boolean;
  readonly thawDays: number;
  readonly thawSpeed: ThawSpeed;
  readonly holdFor: number;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export const defineRestore: DefineVerb = (program, run) => {
  withOptions(
    program.command('restore').description('restore a backup and set up recovery to a point in time'),
  )
    .argument(
      '<directory>',
      'an empty or new directory, which becomes the data directory; with --delta, one of the same cluster',
    )
    .addHelpText('after', notes)
    .action(async (directory: string, options: RestoreCliOptions) => {
      await run(async invocation => await restoreInto(directory, options, invocation));
    });
};

const accessModes = { '0700': 0o700, '0750': 0o750, origin: undefined } as const;

async function restoreInto(
  directory: string,
  options: RestoreCliOptions,
  { context, log, loadConfig, tell, hide }: Invocation,
): Promise<void> {
  const { signal } = context;
  const { openRepositories } = await import('../../compose/open-repositories.ts');
  const { becomeServerUser } = await import('../options/server-user.ts');
  const { restore } = await import('../../operations/restore/restore.ts');
  const { PartUnpackers } = await import('../../workers/part-unpackers.ts');
  const { summariseRestore } = await import('../../operations/restore/summary.ts');
  const { parseTarget } = await import('../../operations/restore/target.ts');
  const target = parseTarget(options);
  const timeline = parseTargetTimeline(options.targetTimeline);
  const { refuseCombinations } = await import('../options/restore-combinations.ts');
  refuseCombinations(options, target);
  const isSome = options.database.length > 0;
  const systemId = parseSystemId(options.systemId);
  await becomeServerUser(options.owner, { mayStayRoot: options.dryRun === true, signal });
  const loaded = await loadConfig();
  const { path } = loaded;
  const config = atRepositoryTime(loaded.config, options.repositoryTime, options.repository);
  await using opened = await openRepositories(config, log);
  const jobs = options.jobs ?? config.restore.jobs;
  await using unpacker = new PartUnpackers(
    { ...config, restore: { jobs } },
    { onSecret: secret => hide([secret]), onTraffic: traffic => opened.addTraffic(traffic) },
  );
  const result = await restore({
    repositories: opened.repositories,
    repositoryName: options.repository,
    readAt: options.repositoryTime === undefined ? undefined : new Date(options.repositoryTime),
    cluster: config.cluster,
    systemId,
    verifySignatures: config.signing.verify,
    directory,
    delta: options.delta === true ? unpacker : undefined,
    request: {
      target,
      backupId: options.backup === 'latest' ? undefined : options.backup,
      timeline: options.standby === true ? 'latest' : timeline,
      throughDrops: options.throughDrop,
    },
    mode: options.standby === true ? 'standby' : 'point-in-time',
    primaryConninfo: options.primaryConninfo,
    keepsSubscriptions: options.keepSubscriptions === true,
    keptSettings: options.keepSetting.map(name => name.toLowerCase()),
    copiesConfiguration: options.configuration,
    databaseNames: isSome ? options.database : undefined,
    targetAction: options.targetAction ?? (target.kind === 'end' || isSome ? 'promote' : 'pause'),
    archiveMode: options.archiveMode,
    accessMode: accessModes[options.dataDirectoryMode ?? 'origin'],
    walDirectory: options.waldir,
    prefetchBytes: config.agent.mode === 'off' ? 0 : config.fetch.prefetchBytes,
    tablespaceMap: options.tablespaceMap,
    acceptsRecordedLocations: options.yes === true,
    walvaultCommand:
      options.fetchProgram === undefined ? ownCommand(context.env) : [resolve(options.fetchProgram)],
    configPath: path === undefined ? undefined : resolve(path),
    dryRun: options.dryRun === true,
    unpacker,
    start:
      options.start === true ? { pgBin: options.pgBin, port: options.port, env: context.env } : undefined,
    thaw: options.thaw === true ? { days: options.thawDays, speed: options.thawSpeed } : undefined,
    replayHoldMs: options.holdFor,
    log,
    signal,
  });
  await using hold = result.hold;
  const variables = neededVariables(loaded, context.env);
  if (variables.length > 0) log.emit({ kind: 'environment-needed', variables });
  const show = (server?: StartedServer & Partial<ServerWithPlaceholders>) => {
    const summary = summariseRestore(result, server);
    tell(
      options.json === true
        ? renderJson({ ...summary, traffic: opened.traffic() })
        : rendered(renderRestore, summary),
      options.json === true || options.dryRun === true,
    );
  };
  const { startOf } = await import('../../operations/restore/start/start-of.ts');
  const start = startOf(result, { env: context.env, log: hold?.log ?? log, signal });
  if (start === undefined) {
    show();
    return;
  }
  try {
    const server = await startedServer(start, result.databases);
    // A server that is paused may be sent further, and a standby reads the archive for as long as it lives.
    if (server.outcome === 'promoted' || server.outcome === 'shut-down') await hold?.end();
    show(server);
  } catch (error) {
    // The directory is whole, whatever became of the server.
    show();
    throw error;
  }
}

async function startedServer(
  start: StartRestored,
  databases: ChosenDatabases | undefined,
): Promise<StartedServer & Partial<ServerWithPlaceholders>> {
  if (databases === undefined) {
    const { startRestored } = await import('../../operations/restore/start/start-restored.ts');
    return await startRestored(start);
  }
  const { startOnlyDatabases } =
    await import('../../operations/restore/only-databases/start-only-databases.ts');
  return await startOnlyDatabases({ ...start, databases });
}

const portOption = new Option(
  '--port <n>',
  'with --start: the port to listen on (default: as the origin did)',
).argParser(text => {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new WalvaultError('usage', `--port takes a number from 1 to 65535, not "${text}"`);
});

function withOptions(command: Command): Command {
  const many = (value: string, before: readonly string[]) => [...before, value];
  return command
    .option('--backup <id>', 'restore this backup; latest: the newest that ends before the target', 'latest')
    .addOption(
      new Option(
        '--database <name>',
        "restore only this database and the system's, with --start; may be repeated",
      )
        .argParser(many)
        .default([], 'all'),
    )
    .option(
      '--target-time <time>',
      "stop at this time, with its zone: '2026-11-22 10:00:00+00', '2026-11-22 11:00 Europe/Berlin'",
    )
    .option('--target-lsn <lsn>', 'stop at this position in the WAL')
    .option('--target-xid <xid>', 'stop at this transaction')
    .option('--target-name <name>', 'stop at this named restore point')
    .option('--target-immediate', 'stop as soon as the backup is consistent')
    .option('--exclusive', 'stop just before the target instead of just after it')
    .option('--through-drop', 'keep a target within a DROP DATABASE, which leaves that database unusable')
    .option(
      '--target-timeline <n>',
      'follow this timeline, "current": that of the backup, or "latest" (default: the only one that reaches the target)',
    )
    .addOption(
      new Option(
        '--target-action <action>',
        'what PostgreSQL does at the target (default: pause; without a target, or with --database: promote)',
      ).choices(['pause', 'promote', 'shutdown']),
    )
    .addOption(
      new Option(
        '--archive-mode <mode>',
        'off: the restored server archives nothing, so that it cannot harm its origin',
      )
        .choices(['off', 'preserve'])
        .default('off'),
    )
    .option('--standby', 'make a standby, which follows the newest timeline until it is promoted')
    .option('--primary-conninfo <conninfo>', 'with --standby: stream from this server beside the archive')
    .option('--keep-subscriptions', "let subscriptions run: they take changes from the origin's slots")
    .addOption(
      new Option('--keep-setting <name>', 'leave this setting as the origin had it; may be repeated')
        .argParser(many)
        .default([], 'none'),
    )
    .option(
      '--no-configuration',
      'leave a configuration that was outside the data directory, as on Debian, outside',
    )
    .option(
      '--fetch-program <path>',
      'what restore_command runs: a wrapper of walvault, say (default: walvault by the name you called)',
    )
    .addOption(
      new Option('--tablespace-map <map>', 'OID=DIRECTORY or OLD=NEW; may be repeated')
        .argParser(many)
        .default([], 'none'),
    )
    .option(
      '--delta',
      'onto a data directory of the same cluster: keep what is as in the backup, replace the rest',
    )
    .option('--waldir <directory>', 'put pg_wal there, behind a link, as initdb --waldir does')
    .addOption(
      new Option(
        '--data-directory-mode <mode>',
        '0750: its group may read it, as with initdb -g (default: as it was)',
      ).choices(['0700', '0750']),
    )
    .option('--repository <name>', 'read from this repository (default: the first that can be used)')
    .addOption(repositoryTimeOption())
    .option('--system-id <n>', 'which system, where the cluster had several (after an upgrade)')
    .addOption(jobsOption('restore.jobs'))
    .option('--owner <user>', 'as root: become this user, the one that runs PostgreSQL')
    .option('--start', 'start the server, wait for its target, and say what was reached')
    .option(
      '--pg-bin <directory>',
      'with --start: where the pg_ctl of its version is (default: where packages put it)',
    )
    .addOption(portOption)
    .option('--dry-run', 'show the plan and write nothing')
    .option('--thaw', 'ask for objects in an archive tier, and exit 19 until they are there')
    .addOption(thawDaysOption('--thaw-days'))
    .addOption(thawSpeedOption('--thaw-speed'))
    .addOption(holdOption)
    .option('--yes', 'agree to put tablespaces where the backup says they were')
    .option('--json', 'print the result as JSON');
}

const notes = `
Nothing is written before it is proven that all the WAL from the backup to the target is there. Until everything is in
place and durable, PostgreSQL refuses to start from the directory. Run it as the user that runs PostgreSQL.

With --delta the directory may be a data directory of the same cluster whose server is stopped. Files that are as in the backup stay, the others are
written, and what the backup does not have is removed, in tablespaces only below PG_<version>. Its pg_wal is moved aside, to
pg_wal.before-restore-<time>, and WAL in it that is not archived is told. Interrupted, the same command completes it.

Settings of the origin that would act in the copy (archiving, commands, delays, subscriptions, jobs, files of the origin)
are overridden in postgresql.auto.conf and printed with the reason; --dry-run prints them too.

Examples:
  walvault restore /var/lib/postgresql/15/restored --target-time '2026-11-22 10:00:00+00'
  walvault restore /srv/restored --target-name before-migration --target-action promote
  walvault restore /srv/restored --tablespace-map 16385=/srv/fast --dry-run
  walvault restore /var/lib/postgresql/15/main --delta
  walvault restore /srv/standby --standby --archive-mode preserve
  walvault restore /srv/rescued --repository-time '2026-11-22 10:00:00+00'
  walvault restore /srv/look --target-time '2026-11-22 10:00 Europe/Berlin' --start
  walvault restore /srv/sales --database sales --target-time '2026-11-22 10:00:00+00' --start --port 5433
`;
